//! Code that the tests share: the program, a sandbox to run it in, and an independent comparison of trees.

mod binary;
mod kms_server;
mod machine;
mod process;
mod random;
mod sandbox;
mod tree;

pub(crate) use self::{
    kms_server::KmsServer,
    machine::{check_tool, is_root, number, skip, skip_for_tool, succeed, variable},
    process::{Output, Running},
    random::{Random, bytes, text},
    sandbox::{Sandbox, run_command, start_command},
    tree::{Object, Tree, assert_same, differences, read},
};
