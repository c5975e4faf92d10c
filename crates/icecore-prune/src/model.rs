//! The protocol of collections as a model, whose schedules `stateright` searches.
