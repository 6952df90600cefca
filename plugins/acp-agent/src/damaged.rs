//! Lines that cannot be read: what their beginning says of who waits for them.

/// Where a line says what it is, from its beginning: in front of everything that
/// may be long.
const HEAD: usize = 512;

/// What the beginning of a message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) method: Option<&'a str>,
    /// As JSON.
    pub(crate) id: Option<&'a str>,
}

impl<'a> Head<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        let end = (0..=HEAD.min(line.len())).rfind(|end| line.is_char_boundary(*end));
        let head = line.get(..end.unwrap_or_default()).unwrap_or_default();
        let long = ["\"params\":", "\"result\":", "\"error\":"];
        let end = long.iter().filter_map(|name| head.find(name)).min();
        let head = head.get(..end.unwrap_or(head.len())).unwrap_or_default();
        let after = |name: &str| {
            let (_, value) = head.trim_start().strip_prefix('{')?.split_once(name)?;
            value.split([',', '}']).next().map(str::trim)
        };
        Self {
            method: after("\"method\":").map(|method| method.trim_matches('"')),
            id: after("\"id\":"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_line_says_what_it_is() {
        let of = |line| {
            let Head { method, id } = Head::of(line);
            (method, id)
        };
        let request = r#"{"jsonrpc":"2.0","method":"fs/x","id":0,"params":{"id":7,"te"#;
        assert_eq!(of(request), (Some("fs/x"), Some("0")));
        let answer = r#"{"id":"a","result":{"method":"x"#;
        assert_eq!(of(answer), (None, Some("\"a\"")));
        for nothing in ["\u{fffd}", "", "{", "id\":1", "[{\"id\":1}]"] {
            assert_eq!(of(nothing), (None, None), "{nothing}");
        }
    }
}
