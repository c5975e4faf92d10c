use super::*;

#[test]
fn sizes_are_read() {
    for (text, bytes) in [
        ("0", 0),
        ("1048576", 1 << 20),
        ("17B", 17),
        ("1KiB", 1024),
        ("64MiB", 64 << 20),
        ("1GiB", 1 << 30),
        ("2TiB", 2 << 40),
        ("1kB", 1000),
        ("1KB", 1000),
        ("5MB", 5_000_000),
        ("1GB", 1_000_000_000),
        ("3TB", 3_000_000_000_000),
        (" 64 MiB ", 64 << 20),
        ("0064MiB", 64 << 20),
        ("18446744073709551615", u64::MAX),
        ("16777215TiB", 16_777_215 << 40),
    ] {
        assert_eq!(parse_byte_size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused() {
    for text in ["", " ", "MiB", "-1", "+1", "1.5GiB", "1,5GiB", "1_000", "x64MiB", "٣MiB"] {
        let error = parse_byte_size(text).unwrap_err();
        assert_eq!(error, ByteSizeError::NotANumber { text: text.to_owned() });
    }
    for unit in ["M", "mib", "Mb", "MIB", "GiBs", "MiB 5", "PiB", "0x10x", "é"] {
        let unit = unit.trim_start_matches('0');
        let error = parse_byte_size(&format!("64{unit}")).unwrap_err();
        assert_eq!(error, ByteSizeError::UnknownUnit { unit: unit.to_owned() });
    }
    for text in ["18446744073709551616", "16777216TiB", "99999999999999999999999999MiB"] {
        let error = parse_byte_size(text).unwrap_err();
        assert_eq!(error, ByteSizeError::TooLarge { text: text.to_owned() });
    }
}
