//! Keys of objects (section 2).

use std::fmt;

/// Id of a run or of a group of packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run(pub(super) [u8; 16]);

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Name of a pack: the run that wrote it, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackName {
    pub(super) run: Run,
    pub(super) number: u32,
}

impl fmt::Display for PackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:06}", self.run, self.number)
    }
}

/// What the key of an object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Header,
    Slot,
    Snapshot(Run),
    Directory(PackName),
    ManifestPack(PackName),
    DataPack { group: Run, pack: PackName },
    Quarantined,
    Index,
    Collection(u32),
    Log { writer: Run, sequence: u32 },
    Probe,
}

impl Name {
    /// Reads a key; `None` if no object of a repository has such a key.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let components: Vec<&str> = key.split('/').collect();
        Some(match components[..] {
            ["icecore"] => Self::Header,
            ["meta", "keys", slot] => run(slot).map(|_| Self::Slot)?,
            ["meta", "snapshots", name] => Self::Snapshot(run(name)?),
            ["meta", "packs", name] => Self::Directory(pack(name)?),
            ["meta", "manifest", name] => Self::ManifestPack(pack(name)?),
            ["data", group, name] => Self::DataPack { group: run(group)?, pack: pack(name)? },
            ["meta", "quarantine", name, _, ..] => run(name).map(|_| Self::Quarantined)?,
            ["meta", "index", name] => {
                let (after, until) = name.split_once('-')?;
                (is_hexadecimal(after, 12) && is_hexadecimal(until, 12) && after < until)
                    .then_some(Self::Index)?
            }
            ["meta", "gc", name] => Self::Collection(number(name).filter(|number| *number > 0)?),
            ["meta", "log", writer, name] => {
                Self::Log { writer: run(writer)?, sequence: number(name).filter(|number| *number > 0)? }
            }
            ["probe", _, ..] => Self::Probe,
            [first] if first.starts_with("probe-") => Self::Probe,
            _ => return None,
        })
    }
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn run(text: &str) -> Option<Run> {
    if !is_hexadecimal(text, 32) {
        return None;
    }
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(Run(bytes))
}

/// Reads a number in its only form: at least six digits.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (format!("{number:06}") == text).then_some(number)
}

fn pack(text: &str) -> Option<PackName> {
    let (name, count) = text.split_once('-')?;
    Some(PackName { run: run(name)?, number: number(count)? })
}
