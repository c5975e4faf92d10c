//! Checksums in the form that S3 uses.

use aws_sdk_s3::types::ChecksumAlgorithm;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

/// Returns the CRC64NVME of bytes in the form for headers: eight bytes, most significant first, in Base64.
pub(crate) fn crc64_nvme(bytes: &[u8]) -> String {
    BASE64.encode(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes())
}

/// Returns the CRC64NVME that a server reports; none if its length is wrong, as on servers that put a CRC32
/// there.
pub(crate) fn told_crc64(told: Option<&str>) -> Option<&str> {
    told.filter(|told| BASE64.decode(told).is_ok_and(|bytes| bytes.len() == 8))
}

/// Returns whether an `ETag` contradicts the bytes: it has the form of an MD5, but is not the MD5 of these
/// bytes. An `ETag` of another form, such as that of a multipart upload, contradicts nothing.
///
/// For servers that report no other checksum. Not for objects that KMS encrypts: their `ETag` looks like an
/// MD5, but is not one.
pub(crate) fn etag_contradicts(etag: &str, bytes: &[u8]) -> bool {
    let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_md5 && !etag.eq_ignore_ascii_case(&hex(&Md5::digest(bytes)))
}

/// Returns the MD5 of bytes in the form for the header Content-MD5 (RFC 1864).
fn content_md5(bytes: &[u8]) -> String {
    BASE64.encode(Md5::digest(bytes))
}

/// The checksum of a body in its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyChecksum {
    /// CRC64NVME.
    Crc64(String),
    /// Content-MD5, for servers that refuse the checksums of S3.
    Md5(String),
}

impl BodyChecksum {
    /// Computes the checksum that the server supports.
    pub(crate) fn of(bytes: &[u8], has_checksums: bool) -> Self {
        if has_checksums { Self::Crc64(crc64_nvme(bytes)) } else { Self::Md5(content_md5(bytes)) }
    }

    /// Returns the CRC64NVME, if it is one.
    pub(crate) fn crc64(&self) -> Option<&str> {
        if let Self::Crc64(crc64) = self { Some(crc64) } else { None }
    }

    /// Returns the Content-MD5, if it is one.
    pub(crate) fn md5(&self) -> Option<&str> {
        if let Self::Md5(md5) = self { Some(md5) } else { None }
    }

    /// Returns the name of the algorithm, if S3 needs it.
    pub(crate) fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.crc64().map(|_| ChecksumAlgorithm::Crc64Nvme)
    }

    /// Returns whether the checksum that a server reports after storing these bytes contradicts them.
    pub(crate) fn is_contradicted(&self, told: Option<&str>) -> bool {
        matches!((self.crc64(), told), (Some(own), Some(told)) if own != told)
    }
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests;
