//! Turns the configuration file into typed values and decides on schedules, retention and prices: pure
//! decisions over times, ids and sizes.
//!
//! Architecture invariants: does no I/O and reads no clock; text comes in, values go out.

mod byte_size;
mod configuration;
mod error;
mod location;
mod prices;
mod progress_mode;
mod record;
pub mod retention;
mod s3_settings;
mod settings;

pub use byte_size::{ByteSizeError, parse_byte_size};
pub use configuration::{Configuration, UnlockMethod};
pub use error::{ConfigurationError, TextPosition};
pub use prices::{ClassPrices, PriceError, Prices, RegionPrices, RequestPrices};
pub use progress_mode::ProgressMode;
pub use s3_settings::{S3_REQUESTS_MAX, S3Addressing, S3Encryption, S3Settings};
pub use settings::{
    BackupSettings, COMPRESSION_LEVEL_DEFAULT, COMPRESSION_LEVELS, PACK_BYTES_DEFAULT, PACK_BYTES_RANGE,
    READ_CONCURRENCY_MAX,
};
