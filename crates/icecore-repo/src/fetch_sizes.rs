//! How much is fetched in one request.

/// How much is fetched in one request; depends on what a request costs in time and money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchSizes {
    /// Maximum number of stored bytes in one request, unless a single block is longer.
    pub bytes_max: u64,
    /// A gap of at most this many bytes between two wanted blocks is fetched too.
    pub gap_bytes_max: u64,
    /// Maximum number of plaintext bytes of the blocks that are planned for one request.
    pub plain_bytes_max: u64,
    /// When blocks of a manifest are read one after the other, as many following blocks are fetched as were
    /// read before, up to this number.
    pub followers_max: u32,
}

impl FetchSizes {
    /// For a store on this machine: a request costs little, and short requests keep several threads busy.
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
