//! Data for the benches: source code, or text with similar properties, and bytes that do not compress.

use std::{fs, path::Path, path::PathBuf};

/// Names a directory whose files are the data, instead of generated text.
pub const SOURCE_VARIABLE: &str = "ICECORE_BENCH_SOURCE";

/// Numbers that look random and are the same in each run (xorshift64*).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Begins a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns the next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Returns the next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.draw()) * limit as u128) >> 64) as usize
    }
}

/// Returns bytes that do not compress.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&numbers.draw().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Returns source code: files of the directory that [`SOURCE_VARIABLE`] names, one after the other, or
/// generated text.
///
/// # Panics
/// When the named directory does not hold enough.
#[expect(clippy::disallowed_methods, reason = "the variable steers the benches themselves")]
pub fn source(length: usize) -> Vec<u8> {
    let Some(directory) = std::env::var_os(SOURCE_VARIABLE) else { return text(length, 1) };
    let mut bytes = Vec::with_capacity(length);
    collect(&PathBuf::from(directory), length, &mut bytes);
    assert!(bytes.len() == length, "{SOURCE_VARIABLE} names a directory with less than {length} bytes");
    bytes
}

/// Appends files below `directory`, in the order of their names, until there are `length` bytes; leaves out
/// unreadable files.
fn collect(directory: &Path, length: usize, bytes: &mut Vec<u8>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if bytes.len() == length {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), length, bytes),
            Ok(kind) if kind.is_file() => {
                let Ok(content) = fs::read(entry.path()) else { continue };
                bytes.extend_from_slice(&content[..content.len().min(length - bytes.len())]);
            }
            _ => {}
        }
    }
}

/// Syllables of generated names.
const SYLLABLES: [&str; 32] = [
    "alloc", "buf", "chan", "dev", "ent", "flag", "get", "head", "init", "key", "len", "map", "node", "off",
    "page", "queue", "read", "set", "task", "unit", "val", "work", "cfg", "ctl", "dma", "err", "irq", "lock",
    "mem", "net", "reg", "sys",
];

/// Returns text that compresses about like C code (zstd level 3: to about a fifth).
pub fn text(length: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    let names: Vec<String> = (0..4096).map(|_| name(&mut numbers)).collect();
    let mut bytes = Vec::with_capacity(length + 256);
    // Each function uses a few names repeatedly, as code does.
    while bytes.len() < length {
        let locals: Vec<&str> = (0..12).map(|_| names[skewed(&mut numbers, names.len())].as_str()).collect();
        let lines = 6 + numbers.below(40);
        for number in 0..lines {
            line(&mut numbers, &locals, number, &mut bytes);
        }
        bytes.extend_from_slice(b"}\n\n");
    }
    bytes.truncate(length);
    bytes
}

fn name(numbers: &mut Numbers) -> String {
    let parts: Vec<&str> =
        (0..=1 + numbers.below(3)).map(|_| SYLLABLES[numbers.below(SYLLABLES.len())]).collect();
    parts.join("_")
}

/// Returns a number below `limit`; small ones come more often.
fn skewed(numbers: &mut Numbers, limit: usize) -> usize {
    numbers.below(limit).min(numbers.below(limit)).min(numbers.below(limit))
}

fn line(numbers: &mut Numbers, locals: &[&str], number: usize, bytes: &mut Vec<u8>) {
    let mut local = || locals[skewed(numbers, locals.len())];
    let (a, b, c) = (local(), local(), local());
    let value = numbers.below(1 << (1 + numbers.clone().below(16)));
    let line = match (number, numbers.below(9)) {
        (0, _) => format!("static int {a}(struct {b} *{c}, unsigned long {a}_{value})\n{{\n"),
        (_, 0) => format!("\tif (!{a}->{b})\n\t\treturn -EINVAL;\n"),
        (_, 1) => format!("\t{a}->{b} = {c}({a}, {value:#x});\n"),
        (_, 2) => format!("\tspin_lock(&{a}->{b}_lock);\n"),
        (_, 3) => format!("\t/* {a} of the {b} has to be {c} here */\n"),
        (_, 4) => format!("\tfor (i = 0; i < {a}->{b}; i++)\n\t\t{c}[i] = {value};\n"),
        (_, 5) => format!("#define {}_{}\t{value:#010x}\n", a.to_uppercase(), b.to_uppercase()),
        (_, 6) => format!("\t{a} = {b} + {c} * {value};\n"),
        (_, 7) => format!("\tstruct {a} *{b} = container_of({c}, struct {a}, {c});\n"),
        _ => format!("\tret = {a}({b}, &{c});\n\tif (ret)\n\t\tgoto out_{b};\n"),
    };
    bytes.extend_from_slice(line.as_bytes());
}

#[cfg(test)]
mod tests;
