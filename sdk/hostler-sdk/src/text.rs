//! Text for people: titles, code, paths.

/// The longest title, in characters: longer ones break the layout of clients.
const TITLE: usize = 160;

/// The first line, cut at [`TITLE`]; `…` says that there is more.
pub fn one_line(text: &str) -> String {
    let text = text.trim_end();
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.chars().count() <= TITLE {
        return line.into();
    }
    let cut: String = line.chars().take(TITLE).collect();
    format!("{} …", cut.trim_end())
}

/// A Markdown code block, with a fence that `code` cannot close.
pub fn fenced(language: &str, code: &str) -> String {
    let ticks = code
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(ticks.max(2) + 1);
    let code = code.trim_end_matches('\n');
    format!("{fence}{language}\n{code}\n{fence}")
}

/// `path` as people at `cwd` would write it.
pub fn relative<'a>(path: &'a str, cwd: &str) -> &'a str {
    path.strip_prefix(cwd)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_short_line_and_says_when_it_is_cut() {
        assert_eq!(one_line("ls\n"), "ls");
        assert_eq!(one_line("ls\npwd"), "ls …");
        let long = one_line(&"é".repeat(TITLE + 1));
        assert_eq!(long.chars().count(), TITLE + 2);
    }

    #[test]
    fn code_cannot_close_its_fence() {
        assert_eq!(fenced("sh", "a\n"), "```sh\na\n```");
        assert_eq!(fenced("", "```\nb"), "````\n```\nb\n````");
    }

    #[test]
    fn a_path_is_relative_only_below_the_folder() {
        assert_eq!(relative("/w/src/a.rs", "/w"), "src/a.rs");
        assert_eq!(relative("/wide/a.rs", "/w"), "/wide/a.rs");
        assert_eq!(relative("/w", "/w"), "/w");
    }
}
