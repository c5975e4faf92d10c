//! Turns the configuration file into typed values and decides on schedules, retention and prices: pure decisions over
//! times, ids and sizes.
//!
//! Architecture invariants: does no I/O and reads no clock; text comes in, values go out.
