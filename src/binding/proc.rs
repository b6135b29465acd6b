//! What Linux tells of this process, for tests.

use std::fs::{read_dir, read_to_string};

/// The flags of an open descriptor, as open(2) has them.
pub(super) fn open_flags(descriptor: i32) -> i32 {
    let info = read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap()
}

/// How many threads have this name.
pub(super) fn threads(name: &str) -> usize {
    let tasks = read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|other| other.trim() == name).count()
}
