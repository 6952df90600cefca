//! From the answer to `initialize` to a session that can be prompted.

use hostler_sdk::{Failure, Result, client, timer};

use crate::{
    choice::Setting,
    cli::Request,
    control::{Account, ControlReply, InForce, Initialized},
    outcome::LOG_IN,
    session::ClaudeCode,
    start,
};

impl ClaudeCode {
    /// Claude Code has answered `initialize`: it is set as it was before, and
    /// asked how it is set now.
    pub(crate) fn initialized(&mut self, reply: ControlReply<'_>) -> Result {
        if let Some(error) = reply.error {
            let message = format!("Claude Code did not start: {error}");
            return self.start_failed(Failure::internal(message));
        }
        let started = reply
            .response
            .map(|reply| serde_json::from_str(reply.get()));
        let started: Initialized = match started.transpose() {
            Ok(started) => started.unwrap_or_default(),
            Err(error) => {
                let message = format!("this version of Claude Code is not understood: {error}");
                return self.start_failed(Failure::internal(message));
            }
        };
        if started.account.as_ref().is_some_and(Account::is_nobody) {
            let message = format!("Claude Code is not logged in: {LOG_IN}");
            return self.start_failed(Failure::auth_required(message));
        }
        self.commands_to_tell = started.commands;
        let mode = started.current_permission_mode;
        let requests = self.settings.start(started.models, mode).into_iter();
        let Some(cli) = &mut self.cli else {
            return Ok(());
        };
        let directories = Some(&self.directories).filter(|it| !it.is_empty());
        let directories = directories.cloned().map(Request::Directories);
        let servers = Some(&self.servers).filter(|it| !it.is_empty());
        let servers = servers.cloned().map(Request::Servers);
        let asked = directories.into_iter().chain(servers);
        let requests = requests.chain(asked).chain([Request::InForce]);
        requests
            .map(|request| cli.request(request))
            .fold(Ok(()), Result::and)
    }

    /// Claude Code has said which settings are in force; at the start that is the
    /// last thing to know. One that cannot say it has no effort to choose.
    pub(crate) fn in_force(&mut self, reply: &ControlReply<'_>) -> Result {
        let effort = reply.read::<InForce>().applied.effort;
        let Some(cli) = &mut self.cli else {
            return Ok(());
        };
        if cli.ready {
            return match effort {
                Some(effort) => self.now_set(Setting::Effort, &effort),
                None => Ok(()),
            };
        }
        cli.ready = true;
        let mut done = timer::cancel(start::TIMER);
        if let Some(request) = self.opening.take() {
            self.settings.effort = effort;
            let opened = client::Opened {
                modes: Some(self.settings.modes()),
                config_options: Some(self.settings.options()),
            };
            done = done.and(client::opened(request, &opened));
        } else if let Some(effort) = effort {
            done = done.and(self.now_set(Setting::Effort, &effort));
        }
        let commands = std::mem::take(&mut self.commands_to_tell);
        done = done.and(self.commands.tell(commands));
        done = done.and(self.tell_what_waits());
        done.and(self.send_prompt())
    }
}

impl Account {
    /// Whether there is no login at all. Another provider than Anthropic has
    /// its own, which Claude Code does not report here.
    fn is_nobody(&self) -> bool {
        let none = |source: &Option<String>| source.as_deref().is_none_or(|it| it == "none");
        let provider = self.api_provider.as_deref().unwrap_or("firstParty");
        provider == "firstParty" && none(&self.token_source) && none(&self.api_key_source)
    }
}
