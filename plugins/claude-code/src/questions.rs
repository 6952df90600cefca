//! `AskUserQuestion`: questions of the model, one after the other. A permission
//! has options and no room for free text, so an answer in words is left to the
//! next prompt.

use std::collections::VecDeque;

use hostler_sdk::{
    acp::{self, PermissionOptionKind as Kind},
    text::one_line,
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::tools::text;

/// The tool by which the model asks.
pub(crate) const TOOL: &str = "AskUserQuestion";

/// What the model gets for a question that is not answered by an option.
const WORDS: &str = "None of the options: the user will reply in words. Ask again in your answer.";

const IN_WORDS: &str = "in_words";
const ENOUGH: &str = "enough";
const OPTION: &str = "option_";

/// Questions that are being asked. There is always a first one left.
#[derive(Debug)]
pub(crate) struct Questions {
    input: Map<String, Value>,
    left: VecDeque<Question>,
    /// Options of the first question that were chosen already.
    picked: Vec<String>,
    answers: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    question: String,
    #[serde(default)]
    header: String,
    #[serde(default)]
    multi_select: bool,
    options: Vec<Choice>,
}

/// An option of a question.
#[derive(Debug, Clone, Deserialize)]
struct Choice {
    label: String,
    #[serde(default)]
    description: String,
}

impl Questions {
    /// None when this cannot be asked by options.
    pub(crate) fn new(input: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Input {
            questions: VecDeque<Question>,
        }
        let questions = serde_json::from_str::<Input>(input.get()).ok()?.questions;
        let askable = |question: &Question| !question.options.is_empty();
        if questions.is_empty() || !questions.iter().all(askable) {
            return None;
        }
        Some(Self {
            input: serde_json::from_str(input.get()).ok()?,
            left: questions,
            picked: Vec::new(),
            answers: Map::new(),
        })
    }

    /// The first question as people see it, as the tool call `id`.
    pub(crate) fn call(&self, id: &str) -> acp::ToolCallUpdate {
        let fields = acp::ToolCallUpdateFields::new()
            .kind(acp::ToolKind::Other)
            .status(acp::ToolCallStatus::Pending);
        let Some(question) = self.left.front() else {
            return acp::ToolCallUpdate::new(id.to_owned(), fields);
        };
        let meanings = question.options.iter();
        let meanings = meanings.filter(|choice| !choice.description.is_empty());
        let meanings = meanings.map(|choice| format!("- {}: {}", choice.label, choice.description));
        let meanings: Vec<String> = meanings.collect();
        let mut content = vec![text(&question.question)];
        content.extend((!meanings.is_empty()).then(|| text(meanings.join("\n"))));
        if !self.picked.is_empty() {
            content.push(text(format!("Chosen so far: {}", self.picked.join(", "))));
        }
        let title = match question.header.as_str() {
            "" => one_line(&question.question),
            header => one_line(&format!("{header}: {}", question.question)),
        };
        acp::ToolCallUpdate::new(id.to_owned(), fields.title(title).content(content))
    }

    /// What can be answered to the first question.
    pub(crate) fn options(&self) -> Vec<acp::PermissionOption> {
        let Some(question) = self.left.front() else {
            return Vec::new();
        };
        let labels = question.options.iter().enumerate();
        let labels = labels.filter(|(_, choice)| !self.picked.contains(&choice.label));
        let labels = labels.map(|(index, choice)| {
            let id = format!("{OPTION}{index}");
            acp::PermissionOption::new(id, choice.label.as_str(), Kind::AllowOnce)
        });
        let enough = (!self.picked.is_empty())
            .then(|| acp::PermissionOption::new(ENOUGH, "That is all", Kind::AllowOnce));
        let words = acp::PermissionOption::new(IN_WORDS, "Answer in words", Kind::RejectOnce);
        labels.chain(enough).chain([words]).collect()
    }

    /// The option was chosen. Gives the questions with what is still to be asked,
    /// or the tool's input with all answers.
    pub(crate) fn answered(mut self, option: &str) -> Result<Self, Box<RawValue>> {
        let Some(question) = self.left.front() else {
            return self.next();
        };
        let index = option.strip_prefix(OPTION);
        let index = index.and_then(|index| index.parse::<usize>().ok());
        let choice = index.and_then(|index| question.options.get(index));
        let answer = match choice {
            Some(choice) if question.multi_select => {
                self.picked.push(choice.label.clone());
                if self.picked.len() < question.options.len() {
                    return Ok(self);
                }
                self.picked.join(", ")
            }
            Some(choice) => choice.label.clone(),
            None if option == ENOUGH => self.picked.join(", "),
            None => WORDS.into(),
        };
        self.answers
            .insert(question.question.clone(), answer.into());
        self.left.pop_front();
        self.picked.clear();
        self.next()
    }

    fn next(mut self) -> Result<Self, Box<RawValue>> {
        if !self.left.is_empty() {
            return Ok(self);
        }
        self.input.insert("answers".into(), self.answers.into());
        // A map of values is JSON: there is nothing that could fail.
        Err(serde_json::value::to_raw_value(&self.input).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn questions(input: &Value) -> Option<Questions> {
        Questions::new(&serde_json::value::to_raw_value(input).unwrap())
    }

    fn two() -> Value {
        let options = json!([{"label": "A", "description": "a"}, {"label": "B"}, {"label": "C"}]);
        json!({"metadata": 7, "questions": [
            {"question": "Which?", "header": "W", "multiSelect": true, "options": options},
            {"question": "And?", "options": options},
        ]})
    }

    fn ids(questions: &Questions) -> Vec<String> {
        let options = questions.options().into_iter();
        options.map(|option| option.option_id.to_string()).collect()
    }

    #[test]
    fn several_options_are_chosen_one_by_one() {
        let asked = questions(&two()).unwrap();
        assert_eq!(
            ids(&asked),
            ["option_0", "option_1", "option_2", "in_words"]
        );
        let asked = asked.answered("option_2").unwrap();
        assert_eq!(ids(&asked), ["option_0", "option_1", "enough", "in_words"]);
        let asked = asked
            .answered("option_0")
            .unwrap()
            .answered("enough")
            .unwrap();
        assert_eq!(asked.answers["Which?"], "C, A");
        let call = serde_json::to_value(asked.call("t")).unwrap();
        assert_eq!(call["title"], "And?");
    }

    #[test]
    fn the_input_comes_back_with_all_answers() {
        let asked = questions(&two()).unwrap().answered("in_words").unwrap();
        let input = asked.answered("option_1").unwrap_err();
        let input: Value = serde_json::from_str(input.get()).unwrap();
        let mut expected = two();
        expected["answers"] = json!({"Which?": WORDS, "And?": "B"});
        assert_eq!(input, expected);
    }

    #[test]
    fn when_all_options_are_chosen_nothing_is_left_to_ask() {
        let mut asked = questions(&two()).unwrap();
        for option in ["option_0", "option_1", "option_2"] {
            asked = asked.answered(option).unwrap();
        }
        assert_eq!(asked.answers["Which?"], "A, B, C");
    }

    #[test]
    fn questions_without_options_cannot_be_asked() {
        for input in [
            json!({"questions": []}),
            json!({"questions": [{"question": "Why?", "options": []}]}),
            json!({"question": "Why?"}),
        ] {
            assert!(questions(&input).is_none(), "{input}");
        }
    }
}
