//! Whether agents see the state directory, in words.

use std::path::{Path, PathBuf};

use hostler_runtime::children::{Helper, Hiding, hiding};

/// Hides the state directory from all children, if the system can, and tells the
/// log if not. The folder of the configuration goes with it: the token of the
/// administrator lies there, and what agents may do stands there.
pub(crate) async fn hide(helper: &mut Helper, state: &Path, config: Option<&Path>) {
    let found = hiding(helper, state).await;
    match &found {
        Hiding::Kept => tracing::info!("{}", sentence(&found)),
        Hiding::Undoable | Hiding::Refused(_) => tracing::warn!("{}", sentence(&found)),
    }
    helper.hidden = hidden(&found, state);
    if !helper.hidden.is_empty() {
        helper.hidden.extend(config.map(Path::to_owned));
    }
}

fn hidden(found: &Hiding, state: &Path) -> Vec<PathBuf> {
    match found {
        Hiding::Kept | Hiding::Undoable => vec![state.to_owned()],
        Hiding::Refused(_) => Vec::new(),
    }
}

/// What was found, and what it means.
pub(crate) fn sentence(found: &Hiding) -> String {
    match found {
        Hiding::Kept => {
            "the state directory and the configuration are hidden from agents and their \
                         commands; sudo does not work in them"
                .to_owned()
        }
        Hiding::Undoable => "the state directory is hidden from agents, but they run as root and \
                             root can uncover it: start the host as an ordinary user"
            .to_owned(),
        Hiding::Refused(why) => format!(
            "the state directory is not hidden from agents: one could read the token in it and \
             approve its own requests ({why})"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_hidden_is_said_and_not_asked_for() {
        let state = Path::new("/state");
        let refused = Hiding::Refused("no namespaces".into());
        assert!(hidden(&refused, state).is_empty());
        assert!(sentence(&refused).contains("not hidden from agents"));
        assert!(sentence(&refused).contains("no namespaces"));
        assert_eq!(hidden(&Hiding::Kept, state), [state]);
        assert_eq!(hidden(&Hiding::Undoable, state), [state]);
        assert!(sentence(&Hiding::Undoable).contains("ordinary user"));
    }
}
