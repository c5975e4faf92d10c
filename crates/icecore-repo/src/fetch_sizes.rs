//! How much is fetched in one request.

/// How much is fetched in one request: what a request costs in time and money decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchSizes {
    /// Stored bytes of one request at most, unless a single block is longer.
    pub bytes_max: u64,
    /// A gap of at most this many bytes between two wanted blocks is fetched with them.
    pub gap_bytes_max: u64,
    /// Blocks with this many bytes of plaintext are planned for one request at most.
    pub plain_bytes_max: u64,
    /// When blocks of a manifest are read one after the other, as many of the next ones are fetched as were
    /// read before, at most so many.
    pub followers_max: u32,
}

impl FetchSizes {
    /// For a store on this machine: a request costs little, and short ones keep several threads busy.
    pub const NEAR: Self =
        Self { bytes_max: 8 << 20, gap_bytes_max: 256 << 10, plain_bytes_max: 4 << 20, followers_max: 0 };
    /// For a store behind a network, where each request takes a round trip and is paid for.
    pub const FAR: Self =
        Self { bytes_max: 40 << 20, gap_bytes_max: 1 << 20, plain_bytes_max: 40 << 20, followers_max: 7 };
}

impl Default for FetchSizes {
    fn default() -> Self {
        Self::NEAR
    }
}
