//! Scripts of a model in code mode: its one tool takes JavaScript, which calls
//! the others.

use hostler_sdk::text::one_line;
use serde::Deserialize;

/// The tool that takes a script.
pub(crate) const TOOL: &str = "exec";

/// The one that waits for a script which goes on.
pub(crate) const WAIT: &str = "wait";

/// How the output begins of a script that goes on; its cell follows.
const RUNNING: &str = "Script running with cell ID ";

/// How every output of a script itself begins. What it tells in between has no
/// such head.
const HEAD: &str = "Script ";

/// The first line that says something.
pub(crate) fn title(source: &str) -> String {
    let mut lines = source.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with("//"));
    one_line(&format!("Script: {}", line.unwrap_or_default()))
}

/// Where a script goes on whose output this is.
pub(crate) fn goes_on(output: &str) -> Option<String> {
    let cell = output.strip_prefix(RUNNING)?;
    Some(cell.lines().next()?.trim().to_owned())
}

/// Which script is waited for.
pub(crate) fn cell_of(arguments: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Wait {
        cell_id: String,
    }
    let wait: Wait = serde_json::from_str(arguments).ok()?;
    Some(wait.cell_id)
}

/// Whether this output is the last one.
pub(crate) fn has_ended(output: &str) -> bool {
    output.starts_with(HEAD) && goes_on(output).is_none()
}

/// Whether this last output is of a script that came to its end.
pub(crate) fn completed(output: &str) -> bool {
    output.lines().next() == Some("Script completed")
}

/// Whether a command of a script failed, as far as this output tells.
pub(crate) fn command_failed(output: &str) -> bool {
    let mut codes = output.split("\"exit_code\":").skip(1);
    codes.any(|rest| {
        let code = rest.trim_start();
        code.starts_with(|c: char| c == '-' || ('1'..='9').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_by_its_first_line_that_says_something() {
        let source = "// @exec: {\"yield_time_ms\": 5}\n\nconst r = 1;\ntext(r)";
        assert_eq!(title(source), "Script: const r = 1;");
        assert_eq!(title(""), "Script:");
    }

    #[test]
    fn an_end_is_told_from_what_comes_before_it() {
        let running = "Script running with cell ID 7\nWall time 0.5 seconds\nOutput:\n";
        assert_eq!(goes_on(running).as_deref(), Some("7"));
        assert_eq!(cell_of(r#"{"cell_id":"7"}"#).as_deref(), Some("7"));
        assert!(!has_ended(running) && !has_ended("half of it is done"));
        assert!(has_ended("Script completed\nOutput:\n") && has_ended("Script failed\n"));
    }

    #[test]
    fn a_failure_is_that_of_the_script_or_of_a_command() {
        assert!(!completed("Script failed\nOutput:\nScript completed\n"));
        assert!(completed("Script completed\nOutput:\n"));
        assert!(command_failed("Output:\n{\"exit_code\":1}"));
        assert!(!command_failed("Output:\n{\"exit_code\":0}"));
    }
}
