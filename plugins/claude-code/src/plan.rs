//! The model's plan. It is written by tools: `TodoWrite` gives all of it,
//! `TaskCreate` and `TaskUpdate` one entry at a time.

use hostler_sdk::{Result, acp, client, text::one_line};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How many entries are shown and kept: all of them fit in a checkpoint, and
/// more nobody reads.
const MAX_TASKS: usize = 64;

/// The plan as it stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Plan(Vec<Task>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    /// Claude Code's; empty for those of `TodoWrite`.
    id: String,
    subject: String,
    status: Status,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Pending,
    InProgress,
    Completed,
    Deleted,
}

/// Whether calls of `tool` are shown as a plan and not as calls.
pub(crate) fn writes_plan(tool: &str) -> bool {
    matches!(tool, "TodoWrite" | "TaskCreate" | "TaskUpdate")
}

/// The input of `TodoWrite`.
#[derive(Deserialize)]
struct Todos {
    todos: Vec<Todo>,
}

#[derive(Deserialize)]
struct Todo {
    content: String,
    #[serde(default)]
    status: Status,
}

/// The result of `TaskCreate`.
#[derive(Deserialize)]
struct Created {
    task: CreatedTask,
}

#[derive(Deserialize)]
struct CreatedTask {
    id: String,
    subject: String,
}

/// The input of `TaskUpdate`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    task_id: String,
    subject: Option<String>,
    status: Option<Status>,
}

/// The result of `TaskUpdate`.
#[derive(Deserialize)]
struct Updated {
    success: bool,
}

impl Plan {
    /// A call of `tool` has succeeded; `own` is the tool's own result. Says
    /// whether the plan has changed.
    pub(crate) fn apply(&mut self, tool: &str, input: &RawValue, own: Option<&RawValue>) -> bool {
        let before = self.0.clone();
        // Of another shape: nothing is known to have changed.
        let _ = self.change(tool, input.get(), own.map_or("null", RawValue::get));
        self.0.truncate(MAX_TASKS);
        self.0 != before
    }

    fn change(&mut self, tool: &str, input: &str, own: &str) -> serde_json::Result<()> {
        match tool {
            "TodoWrite" => {
                let input: Todos = serde_json::from_str(input)?;
                let todos = input.todos.into_iter();
                self.0 = todos
                    .map(|todo| Task::new(String::new(), &todo.content, todo.status))
                    .collect();
            }
            "TaskCreate" => {
                let CreatedTask { id, subject } = serde_json::from_str::<Created>(own)?.task;
                self.0.retain(|task| task.id != id);
                self.0.push(Task::new(id, &subject, Status::Pending));
            }
            "TaskUpdate" if serde_json::from_str::<Updated>(own)?.success => {
                let update: Update = serde_json::from_str(input)?;
                for task in self.0.iter_mut().filter(|task| task.id == update.task_id) {
                    task.status = update.status.unwrap_or(task.status);
                    if let Some(subject) = &update.subject {
                        task.subject = one_line(subject);
                    }
                }
                self.0.retain(|task| task.status != Status::Deleted);
            }
            _ => {}
        }
        Ok(())
    }

    /// Shows the clients all of it.
    pub(crate) fn show(&self) -> Result {
        let entries = self.0.iter().map(|task| {
            let status = match task.status {
                Status::Pending => acp::PlanEntryStatus::Pending,
                Status::InProgress => acp::PlanEntryStatus::InProgress,
                Status::Completed | Status::Deleted => acp::PlanEntryStatus::Completed,
            };
            let priority = acp::PlanEntryPriority::Medium;
            acp::PlanEntry::new(task.subject.as_str(), priority, status)
        });
        let plan = acp::Plan::new(entries.collect());
        client::update(&acp::SessionUpdate::Plan(plan))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Task {
    fn new(id: String, subject: &str, status: Status) -> Self {
        Self {
            id,
            subject: one_line(subject),
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn apply(plan: &mut Plan, tool: &str, input: &Value, own: &Value) -> bool {
        plan.apply(tool, &raw(input), Some(&raw(own)))
    }

    #[test]
    fn tasks_come_change_and_go() {
        let mut plan = Plan::default();
        let created = json!({"task": {"id": "1", "subject": "Look"}});
        assert!(apply(&mut plan, "TaskCreate", &json!({}), &created));
        let update = json!({"taskId": "1", "status": "in_progress", "subject": "Look again"});
        let done = json!({"success": true});
        assert!(apply(&mut plan, "TaskUpdate", &update, &done));
        let task = Task::new("1".into(), "Look again", Status::InProgress);
        assert_eq!(plan.0, [task]);
        let delete = json!({"taskId": "1", "status": "deleted"});
        assert!(apply(&mut plan, "TaskUpdate", &delete, &done));
        assert!(plan.is_empty());
    }

    #[test]
    fn what_did_not_succeed_or_is_not_understood_changes_nothing() {
        let mut plan = Plan::default();
        let created = json!({"task": {"id": "1", "subject": "Look"}});
        apply(&mut plan, "TaskCreate", &json!({}), &created);
        let update = json!({"taskId": "1", "status": "completed"});
        for own in [json!({"success": false}), json!("Error"), json!(null)] {
            assert!(!apply(&mut plan, "TaskUpdate", &update, &own), "{own}");
        }
        let unknown = json!({"taskId": "9", "status": "completed"});
        let done = json!({"success": true});
        assert!(!apply(&mut plan, "TaskUpdate", &unknown, &done));
        let todos = json!({"todos": [{"content": "x", "status": "maybe"}]});
        assert!(!apply(&mut plan, "TodoWrite", &todos, &json!({})));
    }

    #[test]
    fn a_plan_has_an_end() {
        let todo = json!({"content": "x".repeat(500), "status": "pending"});
        let todos = json!({"todos": vec![todo; 1000]});
        let mut plan = Plan::default();
        apply(&mut plan, "TodoWrite", &todos, &json!({}));
        assert_eq!(plan.0.len(), MAX_TASKS);
        assert!(serde_json::to_string(&plan).unwrap().len() < 16 << 10);
    }
}
