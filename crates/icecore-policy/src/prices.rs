//! Prices of S3, from a file.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The prices that are built into the program.
const BUILT_IN: &str = include_str!("prices.toml");
/// Bytes of a gigabyte in bills of S3: a power of two (Amazon S3 pricing, *Storage*).
const BILLED_GIGABYTE: f64 = (1_u64 << 30) as f64;

/// Error of reading a file of prices. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the prices cannot be read: {reason}")]
pub struct PriceError {
    /// The problem.
    pub reason: String,
}

/// Prices by region.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Prices {
    /// Day on which the prices were looked up, as in 2026-11-20.
    pub date: String,
    /// Source of the prices.
    pub source: String,
    /// Region whose prices are used for regions that are not listed.
    pub default_region: String,
    regions: BTreeMap<String, RegionPrices>,
}

/// Prices of a region in US dollars.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegionPrices {
    /// A gigabyte sent to the internet; within the region it is free.
    pub internet_per_gigabyte: f64,
    /// Prices by storage class.
    pub classes: BTreeMap<String, ClassPrices>,
}

/// Prices of a storage class in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassPrices {
    /// A thousand requests of the same class as PUT and LIST.
    pub put_per_thousand: f64,
    /// A thousand requests of the same class as GET.
    pub get_per_thousand: f64,
    /// A gigabyte that is read.
    pub retrieval_per_gigabyte: f64,
    /// A gigabyte stored for a month.
    pub storage_per_gigabyte_month: f64,
    /// Minimum of days that are charged for an object.
    pub days_min: u32,
}

/// Requests of one storage class, and the bytes that they read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestPrices {
    /// Requests of the same class as PUT and LIST.
    pub puts: u64,
    /// Requests of the same class as GET.
    pub gets: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
}

impl Prices {
    /// Reads a file of prices.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let prices: Self = toml::from_str(text).map_err(|error| PriceError { reason: error.to_string() })?;
        if !prices.regions.contains_key(&prices.default_region) {
            let reason = format!("there are no prices for the region {:?}", prices.default_region);
            return Err(PriceError { reason });
        }
        Ok(prices)
    }

    /// Returns the prices that are built into the program.
    pub fn built_in() -> Result<Self, PriceError> {
        Self::parse(BUILT_IN)
    }

    /// Returns the name of the region whose prices apply to `region`, and the prices.
    pub fn of_region(&self, region: &str) -> Option<(&str, &RegionPrices)> {
        let found =
            self.regions.get_key_value(region).or_else(|| self.regions.get_key_value(&self.default_region));
        found.map(|(name, prices)| (name.as_str(), prices))
    }
}

impl RegionPrices {
    /// Returns the price of requests of a storage class; a class that is not listed costs as much as
    /// `STANDARD`.
    pub fn requests(&self, class: &str, requests: RequestPrices) -> f64 {
        let Some(prices) = self.classes.get(class).or_else(|| self.classes.get("STANDARD")) else {
            return 0.0;
        };
        let thousands = |requests: u64, price: f64| requests as f64 / 1000.0 * price;
        thousands(requests.puts, prices.put_per_thousand)
            + thousands(requests.gets, prices.get_per_thousand)
            + requests.bytes_read as f64 / BILLED_GIGABYTE * prices.retrieval_per_gigabyte
    }

    /// Returns the price of sending bytes to the internet.
    pub fn internet(&self, bytes: u64) -> f64 {
        bytes as f64 / BILLED_GIGABYTE * self.internet_per_gigabyte
    }
}

#[cfg(test)]
mod tests;
