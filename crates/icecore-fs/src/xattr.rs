//! Reads and writes raw extended attributes, including access control lists and capabilities.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::entry::ExtendedAttributes;
use crate::error::retry_interrupted;

/// First size of the buffer for the list of names and for a value; larger ones are read again with the right
/// size.
const FIRST_BUFFER_BYTES: usize = 1024;

/// How often a list or value is read again if it grows meanwhile.
const ATTEMPTS_MAX: usize = 8;

/// The object whose attributes are accessed.
#[derive(Clone, Copy, Debug)]
pub enum AttributeOwner<'a> {
    /// An open file or directory (for one opened with `O_PATH`, see [`descriptor_path`]).
    Descriptor(BorrowedFd<'a>),
    /// A path; if its last component is a symbolic link, the link itself is meant.
    Path(&'a CStr),
    /// A path; if its last component is a symbolic link, it is followed. For [`descriptor_path`] only.
    FollowedPath(&'a CStr),
}

/// The extended attributes of one object, as far as they could be read.
#[derive(Debug, Default)]
pub struct AttributesRead {
    /// The attributes, sorted by name.
    pub attributes: ExtendedAttributes,
    /// Attributes that are listed but could not be read.
    pub unreadable: Vec<UnreadableAttribute>,
}

/// An attribute that is listed but could not be read.
#[derive(Debug)]
pub struct UnreadableAttribute {
    /// Raw name.
    pub name: Vec<u8>,
    /// Error of the operating system.
    pub source: io::Error,
}

/// Returns the path below `/proc` for the object `name` in an open directory. Its real path may have any
/// length.
///
/// `name` must be a single component (`.` for the directory itself) without NUL. Needs `/proc`.
pub fn object_path(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<CString> {
    let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    CString::new(path).map_err(io::Error::from)
}

/// Returns the path below `/proc` for an open object. This works even for a symbolic link opened with
/// `O_PATH | O_NOFOLLOW`; [`AttributeOwner::FollowedPath`] then accesses the attributes of the link. Needs
/// `/proc`.
pub fn descriptor_path(descriptor: BorrowedFd<'_>) -> io::Result<CString> {
    CString::new(format!("/proc/self/fd/{}", descriptor.as_raw_fd())).map_err(io::Error::from)
}

/// Reads all extended attributes of an object; a file system without attributes has none.
///
/// Fails if they cannot be listed. Unreadable attributes are listed in the result; attributes that are
/// removed meanwhile are left out.
pub fn read_attributes(owner: AttributeOwner<'_>) -> io::Result<AttributesRead> {
    let list = match read_growing(|buffer| list_names(owner, buffer)) {
        Ok(list) => list,
        Err(Errno::OPNOTSUPP) => return Ok(AttributesRead::default()),
        Err(errno) => return Err(errno.into()),
    };
    let mut read = AttributesRead::default();
    for name in list.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        match read_growing(|buffer| get_value(owner, name, buffer)) {
            Ok(value) => read.attributes.push((name.to_bytes().to_vec(), value)),
            Err(Errno::NODATA) => {}
            Err(errno) => {
                let unreadable = UnreadableAttribute { name: name.to_bytes().to_vec(), source: errno.into() };
                read.unreadable.push(unreadable);
            }
        }
    }
    read.attributes.sort_unstable();
    Ok(read)
}

/// Reads one attribute; none if the object does not have it, or the file system does not support attributes.
pub fn read_attribute(owner: AttributeOwner<'_>, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    match read_growing(|buffer| get_value(owner, name, buffer)) {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads all extended attributes of the object `name` in an open directory, like [`read_attributes`].
///
/// Before Linux 6.13, no system call reads the attributes of a link or a special file relative to a
/// descriptor. A path below `/proc` does; without `/proc`, a thread with its own working directory does.
pub fn read_attributes_at(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<AttributesRead> {
    let path = object_path(directory, name)?;
    match read_attributes(AttributeOwner::Path(&path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !has_descriptor_paths(directory) => {
            read_attributes_inside(directory, name)
        }
        result => result,
    }
}

fn has_descriptor_paths(descriptor: BorrowedFd<'_>) -> bool {
    descriptor_path(descriptor).is_ok_and(|path| rustix::fs::lstat(&path).is_ok())
}

fn read_attributes_inside(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<AttributesRead> {
    let path = CString::new([b"./", name].concat()).map_err(io::Error::from)?;
    let read = || {
        own_working_directory()?;
        rustix::process::fchdir(directory)?;
        read_attributes(AttributeOwner::Path(&path))
    };
    let lost = || Err(io::Error::other("the thread that reads attributes ended unexpectedly"));
    std::thread::scope(|scope| scope.spawn(read).join().unwrap_or_else(|_| lost()))
}

/// Separates the working directory of this thread from that of the process.
#[expect(deprecated, reason = "what is unsafe of it concerns shared descriptors, which stay shared")]
fn own_working_directory() -> io::Result<()> {
    rustix::thread::unshare(rustix::thread::UnshareFlags::FS).map_err(io::Error::from)
}

/// Sets one attribute, whether or not it exists.
pub fn write_attribute(owner: AttributeOwner<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    let flags = XattrFlags::empty();
    retry_interrupted(|| match owner {
        AttributeOwner::Descriptor(descriptor) => rustix::fs::fsetxattr(descriptor, name, value, flags),
        AttributeOwner::Path(path) => rustix::fs::lsetxattr(path, name, value, flags),
        AttributeOwner::FollowedPath(path) => rustix::fs::setxattr(path, name, value, flags),
    })
    .map_err(io::Error::from)
}

/// Removes one attribute; a missing one is not an error.
pub fn remove_attribute(owner: AttributeOwner<'_>, name: &[u8]) -> io::Result<()> {
    let removed = retry_interrupted(|| match owner {
        AttributeOwner::Descriptor(descriptor) => rustix::fs::fremovexattr(descriptor, name),
        AttributeOwner::Path(path) => rustix::fs::lremovexattr(path, name),
        AttributeOwner::FollowedPath(path) => rustix::fs::removexattr(path, name),
    });
    match removed {
        Ok(()) | Err(Errno::NODATA) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Calls `read` with a buffer that grows until it is large enough; an empty buffer asks for the size.
fn read_growing(read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut first = [0_u8; FIRST_BUFFER_BYTES];
    match retry_interrupted(|| read(&mut first)) {
        Err(Errno::RANGE) => {}
        result => return result.map(|length| first[..length].to_vec()),
    }
    for _ in 0..ATTEMPTS_MAX {
        let length = retry_interrupted(|| read(&mut []))?;
        // Never empty: that would ask for the size again.
        let mut buffer = vec![0_u8; length.max(FIRST_BUFFER_BYTES)];
        match retry_interrupted(|| read(&mut buffer)) {
            Err(Errno::RANGE) => {}
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::RANGE)
}

fn list_names(owner: AttributeOwner<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    use rustix::fs::{
        flistxattr, flistxattr_query, listxattr, listxattr_query, llistxattr, llistxattr_query,
    };
    match (owner, buffer.is_empty()) {
        (AttributeOwner::Descriptor(descriptor), false) => flistxattr(descriptor, buffer),
        (AttributeOwner::Descriptor(descriptor), true) => flistxattr_query(descriptor),
        (AttributeOwner::Path(path), false) => llistxattr(path, buffer),
        (AttributeOwner::Path(path), true) => llistxattr_query(path),
        (AttributeOwner::FollowedPath(path), false) => listxattr(path, buffer),
        (AttributeOwner::FollowedPath(path), true) => listxattr_query(path),
    }
}

fn get_value(owner: AttributeOwner<'_>, name: &CStr, buffer: &mut [u8]) -> Result<usize, Errno> {
    use rustix::fs::{fgetxattr, fgetxattr_query, getxattr, getxattr_query, lgetxattr, lgetxattr_query};
    match (owner, buffer.is_empty()) {
        (AttributeOwner::Descriptor(descriptor), false) => fgetxattr(descriptor, name, buffer),
        (AttributeOwner::Descriptor(descriptor), true) => fgetxattr_query(descriptor, name),
        (AttributeOwner::Path(path), false) => lgetxattr(path, name, buffer),
        (AttributeOwner::Path(path), true) => lgetxattr_query(path, name),
        (AttributeOwner::FollowedPath(path), false) => getxattr(path, name, buffer),
        (AttributeOwner::FollowedPath(path), true) => getxattr_query(path, name),
    }
}

#[cfg(test)]
mod tests;
