//! What the fuzz targets share: keys of a made-up repository, so that hostile records get past authentication, as those
//! of a host that holds the key would.

use std::collections::BTreeMap;

use icecore_format::{
    ids::RepositoryId,
    keys::{Keys, Secret},
};

/// Returns the keys of the made-up repository.
pub fn keys() -> Keys {
    let masters = BTreeMap::from([(0, Secret::new([7; 32]))]);
    Keys::derive(RepositoryId([1; 16]), masters).expect("a master key of epoch 0 is there")
}
