//! Granularity of the times of a file system.
//!
//! Many file systems store whole seconds (ext3, ext4 with small inodes, SFTP), FAT even seconds. One `st_dev`
//! can have times of several kinds (an ext4 that was once ext3), so each time is judged by itself.

use icecore_format::entry::Time;

/// A whole second may be rounded from an interval of this length: FAT has even seconds.
const WHOLE_SECOND_NANOSECONDS: i128 = 2_000_000_000;
/// Linux takes the times of files from a clock that moves with its ticks, which are at most 10 ms apart
/// (`CONFIG_HZ=100`).
const TICK_NANOSECONDS: i128 = 10_000_000;

/// Returns a time as one number.
pub(crate) fn nanoseconds(time: Time) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds)
}

/// Returns how much later than this time the change may have happened, in nanoseconds.
pub(crate) fn window(time: Time) -> i128 {
    let rounded = match time.nanoseconds {
        0 => WHOLE_SECOND_NANOSECONDS,
        part if part % 100_000_000 == 0 => 100_000_000,
        part if part % 10_000_000 == 0 => 10_000_000,
        _ => 0,
    };
    rounded + TICK_NANOSECONDS
}

/// Measures the granularity of the times of a source, device by device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Granularity {
    /// By index of the device, in nanoseconds: 2 s until a time proves a smaller value.
    devices: Vec<u64>,
}

impl Granularity {
    /// Notes a time of change.
    pub fn observe(&mut self, device: u32, time: Time) {
        let device = device as usize;
        if self.devices.len() <= device {
            self.devices.resize(device + 1, WHOLE_SECOND_NANOSECONDS as u64);
        }
        let granularity = &mut self.devices[device];
        if *granularity == 1 {
            return;
        }
        let part = time.seconds.rem_euclid(2) as u64 * 1_000_000_000 + u64::from(time.nanoseconds);
        while !part.is_multiple_of(*granularity) {
            *granularity = if *granularity == 2_000_000_000 { 1_000_000_000 } else { *granularity / 10 };
        }
    }

    /// Returns the coarsest of all devices in nanoseconds, at least a tick; 0 if nothing was observed.
    pub fn coarsest(&self) -> u64 {
        let coarsest = self.devices.iter().copied().max();
        coarsest.map_or(0, |coarsest| coarsest.max(TICK_NANOSECONDS as u64))
    }
}

#[cfg(test)]
mod tests;
