use super::*;

#[test]
fn what_is_on_this_machine_or_not_there_is_on_no_network() {
    assert!(!is_network_file_system(Path::new("/proc")));
    assert!(!is_network_file_system(Path::new("/proc/there/is/no/such/path")));
}
