//! What a sub-agent says stands in the content of the call that runs it: apart from
//! the main text at every client, also at one that knows nothing of sub-agents.

use std::collections::VecDeque;

use hostler_sdk::acp;

use crate::{stream::Kind, tools};

/// Of how many bytes of words the call shows: every update of it sends them all
/// again. What is over was shown before, and gives way from the front.
const KEPT: usize = 16 * 1024;

/// In place of what gave way.
const EARLIER: &str = "…";

/// The words of one sub-agent.
#[derive(Debug, Default)]
pub(crate) struct Words {
    said: VecDeque<String>,
    bytes: usize,
    cut: bool,
}

impl Words {
    /// It says this; thoughts are quoted.
    pub(crate) fn say(&mut self, kind: Kind, text: &str) {
        let text = match kind {
            Kind::Thought => {
                let lines = text.trim().lines().map(|line| format!("> {line}"));
                lines.collect::<Vec<_>>().join("\n")
            }
            Kind::Text | Kind::Other => text.to_owned(),
        };
        self.bytes += text.len();
        self.said.push_back(text);
        while self.bytes > KEPT && self.said.len() > 1 {
            let over = self.said.pop_front().unwrap_or_default();
            self.bytes -= over.len();
            self.cut = true;
        }
    }

    /// As the content of the call.
    pub(crate) fn content(&self) -> Vec<acp::ToolCallContent> {
        let earlier = self.cut.then_some(EARLIER);
        let said = self.said.iter().map(String::as_str);
        earlier.into_iter().chain(said).map(tools::text).collect()
    }

    /// The same in front of how the call ended. A report that has the last words
    /// in it says them once.
    pub(crate) fn before(mut self, fields: acp::ToolCallUpdateFields) -> acp::ToolCallUpdateFields {
        let content = fields.content.clone().unwrap_or_default();
        let has = |content: &acp::ToolCallContent, words: &str| match content {
            acp::ToolCallContent::Content(content) => match &content.content {
                acp::ContentBlock::Text(text) => text.text.contains(words.trim()),
                _ => false,
            },
            _ => false,
        };
        let repeats = |last: &String| content.iter().any(|content| has(content, last));
        if self.said.back().is_some_and(repeats) {
            self.said.pop_back();
        }
        if self.said.is_empty() {
            return fields;
        }
        let whole = self.content().into_iter().chain(content);
        fields.content(whole.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: &acp::ToolCallUpdateFields) -> Vec<String> {
        let content = serde_json::to_value(fields.content.clone()).unwrap();
        let content = content.as_array().unwrap().iter();
        let text = |it: &serde_json::Value| it["content"]["text"].as_str().unwrap().to_owned();
        content.map(text).collect()
    }

    fn report(text: &str) -> acp::ToolCallUpdateFields {
        acp::ToolCallUpdateFields::new().content(vec![tools::text(text)])
    }

    #[test]
    fn words_stand_before_the_report_and_the_last_ones_once() {
        let mut words = Words::default();
        words.say(Kind::Thought, "hm\nwell");
        words.say(Kind::Text, "Looking.");
        words.say(Kind::Text, "It is red.");
        let fields = words.before(report("It is red.\nid: 5"));
        assert_eq!(
            shown(&fields),
            ["> hm\n> well", "Looking.", "It is red.\nid: 5"]
        );
        let fields = Words::default().before(report("Done."));
        assert_eq!(shown(&fields), ["Done."]);
    }

    #[test]
    fn they_stay_small_and_say_that_there_was_more() {
        let mut words = Words::default();
        for _ in 0..100 {
            words.say(Kind::Text, &"x".repeat(1000));
        }
        let fields = words.before(report("Done."));
        let shown = shown(&fields);
        assert_eq!((shown[0].as_str(), shown.len()), (EARLIER, 18));
    }
}
