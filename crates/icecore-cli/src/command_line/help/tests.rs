use clap::{Command, CommandFactory};

use super::{GLOBAL_OPTIONS, arrange};
use crate::command_line::Arguments;

/// Lines of a small terminal.
const SCREEN_LINES: usize = 24;

/// Returns the help that a command line asks for.
fn help(words: &[&str]) -> String {
    let whole = arrange(Arguments::command());
    whole.try_get_matches_from(["icecore"].iter().chain(words)).unwrap_err().to_string()
}

/// Calls `look` with the words of each command and the command itself.
fn each_command(command: &Command, words: &[&str], look: &mut impl FnMut(&[&str], &Command)) {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let words = [words, &[below.get_name()]].concat();
        look(&words, below);
        each_command(below, &words, look);
    }
}

#[test]
fn examples_are_on_the_first_screen_and_the_options_of_all_commands_at_the_end() {
    let whole = arrange(Arguments::command());
    let mut count = 0;
    each_command(&whole, &[], &mut |words, command| {
        for option in ["-h", "--help"] {
            let text = help(&[words, &[option]].concat());
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], command.get_about().unwrap().to_string(), "{text}");
            let example = lines.iter().position(|line| line.starts_with("  icecore "));
            assert!(example.is_some_and(|line| line < SCREEN_LINES / 2), "{text}");
            assert!(text.ends_with(&format!("{GLOBAL_OPTIONS}\n")), "{text}");
            assert_eq!(text.matches("--repository <URL>").count(), 1, "{text}");
            count += 1;
        }
    });
    assert!(count >= 2 * 17, "only {count} texts");
}

#[test]
fn details_are_in_the_long_help_only() {
    let (long, short) = (help(&["backup", "--help"]), help(&["backup", "-h"]));
    for detail in ["becomes one snapshot", "work as in .gitignore files"] {
        assert!(long.contains(detail), "{long}");
        assert!(!short.contains(detail), "{short}");
    }
    assert_eq!(help(&["help", "backup"]), long);
}

#[test]
fn all_global_options_are_named_and_the_main_help_explains_them() {
    let main = help(&["--help"]);
    let whole = Arguments::command();
    let global = whole.get_arguments().filter(|argument| argument.is_global_set());
    let mut names = Vec::new();
    for argument in global {
        let name = format!("--{}", argument.get_long().unwrap());
        assert!(GLOBAL_OPTIONS.split([' ', '[', '.']).any(|word| word == name), "{name}");
        assert!(main.contains(&name), "{name}: {main}");
        names.push(name);
    }
    let listed = GLOBAL_OPTIONS.matches(" --").count() - 1;
    assert_eq!(listed, names.len(), "{names:?}");
    let examples = main.find("Examples:").unwrap();
    assert!(main[..examples].lines().count() < SCREEN_LINES / 2, "{main}");
    assert!(examples < main.find("Commands:").unwrap());
}
