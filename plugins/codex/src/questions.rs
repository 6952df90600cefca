//! `item/tool/requestUserInput`: questions of the model, one after the other.
//! A permission has options and no room for free text, so an answer in words is
//! left to the next prompt.

use std::collections::VecDeque;

use hostler_sdk::acp::{self, PermissionOptionKind as Kind};
use hostler_sdk::text::one_line;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    items::text,
    requests::{Choice, Form},
};

/// What the model gets for a question that has no options to choose from.
const IN_WORDS: &str = "Ask this in your answer: the user will reply there.";

/// Questions that are being asked.
#[derive(Debug)]
pub(crate) struct Questions {
    item: String,
    /// The first one is being asked.
    left: VecDeque<Question>,
    answers: Map<String, Value>,
    asked: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    item_id: String,
    questions: VecDeque<Question>,
}

#[derive(Debug, Deserialize)]
struct Question {
    id: String,
    #[serde(default)]
    header: String,
    question: String,
    options: Option<Vec<Option_>>,
}

/// An option of a question.
#[derive(Debug, Deserialize)]
struct Option_ {
    label: String,
    #[serde(default)]
    description: String,
}

impl Questions {
    /// The first question.
    pub(crate) fn form(params: &str) -> serde_json::Result<Form> {
        let ask: Ask = serde_json::from_str(params)?;
        let questions = Self {
            item: ask.item_id,
            left: ask.questions,
            answers: Map::new(),
            asked: 0,
        };
        Ok(questions.next().unwrap_or_else(|answers| Form {
            call: acp::ToolCallUpdate::new("question", acp::ToolCallUpdateFields::new()),
            options: Vec::new(),
            words: None,
            cancelled: answers.clone(),
            unasked: answers,
            announce: false,
            unaskable: None,
            questions: None,
        }))
    }

    /// The open question has this answer: the next one, or all answers.
    pub(crate) fn answered(mut self, answer: &Value) -> Result<Form, Value> {
        if let Some(question) = self.left.pop_front() {
            self.answers.insert(question.id, answer.clone());
        }
        self.next()
    }

    fn next(mut self) -> Result<Form, Value> {
        let options = loop {
            match self.left.front() {
                None => return Err(json!({"answers": self.answers})),
                Some(question) => match question.options.as_deref() {
                    None | Some([]) => {
                        let answer = json!({"answers": [IN_WORDS]});
                        self.answers.insert(question.id.clone(), answer);
                        self.left.pop_front();
                    }
                    Some(options) => break choices(options),
                },
            }
        };
        let Some(question) = self.left.front() else {
            return Err(json!({"answers": self.answers}));
        };
        self.asked += 1;
        let meanings = question.options.iter().flatten();
        let meanings = meanings.filter(|option| !option.description.is_empty());
        let meanings = meanings.map(|option| format!("- {}: {}", option.label, option.description));
        let mut content = vec![text(&question.question)];
        let meanings = meanings.collect::<Vec<_>>().join("\n");
        content.extend((!meanings.is_empty()).then(|| text(meanings)));
        let title = match question.header.as_str() {
            "" => one_line(&question.question),
            header => one_line(&format!("{header}: {}", question.question)),
        };
        let fields = acp::ToolCallUpdateFields::new()
            .kind(acp::ToolKind::Other)
            .status(acp::ToolCallStatus::Pending)
            .title(title)
            .content(content);
        let id = format!("{}/{}", self.item, self.asked);
        let answers = json!({"answers": self.answers});
        Ok(Form {
            call: acp::ToolCallUpdate::new(id, fields),
            options,
            words: None,
            cancelled: answers.clone(),
            unasked: answers,
            announce: true,
            unaskable: None,
            questions: Some(self),
        })
    }
}

fn choices(options: &[Option_]) -> Vec<Choice> {
    let labels = options.iter().enumerate();
    let mut choices: Vec<_> = labels
        .map(|(index, option)| {
            let answer = json!({"answers": [option.label]});
            Choice::new(
                format!("option_{index}"),
                &option.label,
                Kind::AllowOnce,
                answer,
            )
        })
        .collect();
    let none = json!({"answers": [IN_WORDS]});
    choices.push(Choice::new(
        "in_words",
        "Answer in words",
        Kind::RejectOnce,
        none,
    ));
    choices
}
