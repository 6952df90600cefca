//! The language of the prompts: directives, one per line or between `;`.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    Say(String),
    Think(String),
    Plan(Vec<String>),
    Edit {
        path: String,
        text: String,
    },
    Read(String),
    Run(String),
    Count {
        chunks: u32,
        pause: Duration,
    },
    Usage,
    Fail(String),
    Hang,
    Deaf,
    Crash,
    /// This many megabytes.
    Flood(u32),
    Garbage,
    /// Anything else.
    Talk(String),
}

/// Reads a prompt. Lines that are no directives are one piece of talk.
pub(crate) fn parse(prompt: &str) -> Vec<Directive> {
    let mut script: Vec<Directive> = Vec::new();
    for line in prompt.split(['\n', ';']) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        match (directive(line), script.last_mut()) {
            (Some(directive), _) => script.push(directive),
            (None, Some(Directive::Talk(talk))) => {
                talk.push(' ');
                talk.push_str(line);
            }
            (None, _) => script.push(Directive::Talk(line.to_owned())),
        }
    }
    if script.is_empty() {
        script.push(Directive::Talk(String::new()));
    }
    script
}

fn directive(line: &str) -> Option<Directive> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    Some(match (word, rest.is_empty()) {
        ("say", false) => Directive::Say(rest.to_owned()),
        ("think", false) => Directive::Think(rest.to_owned()),
        ("plan", false) => {
            let entries = rest.split('|').map(|entry| entry.trim().to_owned());
            Directive::Plan(entries.collect())
        }
        ("edit", false) => {
            let (path, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let (path, text) = (path.to_owned(), text.replace("\\n", "\n"));
            Directive::Edit { path, text }
        }
        ("read", false) => Directive::Read(rest.to_owned()),
        ("run", false) => Directive::Run(rest.to_owned()),
        ("count", false) => {
            let (chunks, pause) = rest.split_once(' ').unwrap_or((rest, "0"));
            let pause = Duration::from_millis(u64::from(pause.trim().parse::<u32>().ok()?));
            let chunks = chunks.parse().ok()?;
            Directive::Count { chunks, pause }
        }
        ("flood", false) => Directive::Flood(rest.parse().ok()?),
        ("fail", false) => Directive::Fail(rest.to_owned()),
        ("usage", true) => Directive::Usage,
        ("hang", true) => Directive::Hang,
        ("deaf", true) => Directive::Deaf,
        ("crash", true) => Directive::Crash,
        ("garbage", true) => Directive::Garbage,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(chunks: u32, ms: u64) -> Directive {
        let pause = Duration::from_millis(ms);
        Directive::Count { chunks, pause }
    }

    #[test]
    fn directives_stand_on_lines_or_between_semicolons() {
        let expected = [
            Directive::Say("a b".into()),
            Directive::Plan(vec!["x".into(), "y z".into()]),
            count(3, 0),
            count(3, 20),
        ];
        assert_eq!(
            parse("say a b; plan x | y z\n count 3;count 3 20;"),
            expected
        );
    }

    #[test]
    fn an_edit_keeps_its_text_and_its_line_breaks() {
        let (path, text) = ("a.txt".into(), "one\ntwo".into());
        assert_eq!(
            parse("edit a.txt one\\ntwo"),
            [Directive::Edit { path, text }]
        );
    }

    #[test]
    fn everything_else_is_talk_and_is_joined() {
        let talk = |text: &str| Directive::Talk(text.to_owned());
        assert_eq!(parse("hello; how are\nyou"), [talk("hello how are you")]);
        assert_eq!(parse(" \n;"), [talk("")]);
        for prompt in ["count many", "flood -1", "say", "hang on a minute"] {
            assert_eq!(parse(prompt), [talk(prompt)]);
        }
    }
}
