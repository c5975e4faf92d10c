//! Small trees whose snapshots are known to be right or wrong.

mod allowed;
mod bed;
mod contents;
mod never;
