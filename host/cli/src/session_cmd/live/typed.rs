//! What somebody types, done.

use hostler_wire::methods;
use serde_json::json;

use super::{
    input::{HELP, Input, Typed},
    session::{Live, Purpose, shown},
};
use crate::{
    exit::{Exit, Failure},
    link::names,
    session_cmd::people::{Person, Queued},
};

impl Live {
    /// A line, or the end of them.
    pub(super) async fn line(&mut self, line: Option<&str>) -> Result<(), Failure> {
        let Some(line) = line else {
            if matches!(self.input, Input::Terminal) {
                self.over = Some(Ok(Exit::Done));
            }
            self.no_more = true;
            return Ok(());
        };
        self.interrupted = false;
        self.renderer.typed();
        let typed = Typed::of(line);
        // What leads out of a question too.
        let out = matches!(typed, Typed::Detach | Typed::Cancel);
        if self.asks.is_asking() && !out {
            return match self.asks.answer(Some(line)) {
                Ok(Some(decision)) => self.decided(decision).await,
                Ok(None) => Ok(()),
                Err(again) => shown(self.renderer.question(&[again])),
            };
        }
        match typed {
            Typed::Nothing => Ok(()),
            Typed::Prompt(text) => self.prompt(text).await,
            Typed::Take => self.control(names::TAKE).await,
            Typed::Release => self.control(names::RELEASE).await,
            Typed::Cancel => {
                self.cancel().await?;
                self.say("cancelling the turn")
            }
            Typed::Who => self.who(),
            Typed::Detach => {
                self.over = Some(Ok(Exit::Done));
                Ok(())
            }
            Typed::Help => HELP.iter().try_for_each(|line| self.say(line)),
        }
    }

    async fn prompt(&mut self, text: &str) -> Result<(), Failure> {
        self.count += 1;
        let key = format!("{}-{}", self.me, self.count);
        let params = json!({
            "sessionId": self.session,
            "prompt": [{"type": "text", "text": text}],
            "_meta": {"hostler": {"key": key}},
        });
        self.mine.insert(key.clone());
        if self.busy {
            self.say("(waits for its turn)")?;
        }
        self.busy = true;
        let purpose = Purpose::Prompt(key);
        self.remote
            .request(methods::SESSION_PROMPT, &params, purpose)
            .await;
        Ok(())
    }

    async fn control(&mut self, method: &str) -> Result<(), Failure> {
        let params = json!({"sessionId": self.session});
        self.remote.request(method, &params, Purpose::Control).await;
        Ok(())
    }

    fn who(&mut self) -> Result<(), Failure> {
        let others: Vec<_> = self.others(&self.people).map(Person::shown).collect();
        self.say("here: you")?;
        for other in others {
            self.say(&format!("      {other}"))?;
        }
        let you = if self.control.you { "" } else { " (not you)" };
        self.say(&format!("drives: {}{you}", self.control.shown()))?;
        let queue: Vec<_> = self.queue.iter().map(Queued::shown).collect();
        for prompt in queue {
            self.say(&format!("waits: {prompt}"))?;
        }
        Ok(())
    }
}
