//! Known secrets in what a provider says are masked, as they are in what a
//! harness sends to clients. Pictures and files are not looked into.

use std::borrow::Cow;

use hostler_provider::{Answer, DeviceError};
use hostler_secret::Mask;

pub(super) fn outcome(
    mask: Option<&Mask>,
    outcome: Result<Answer, DeviceError>,
) -> Result<Answer, DeviceError> {
    let Some(mask) = mask else { return outcome };
    match outcome {
        Ok(mut answer) => {
            each(&mut answer, &mut |said| text(mask, said));
            Ok(answer)
        }
        Err(said) => Err(error(Some(mask), said)),
    }
}

pub(super) fn error(mask: Option<&Mask>, mut error: DeviceError) -> DeviceError {
    if let Some(mask) = mask
        && let DeviceError::AlertOpen(said)
        | DeviceError::NotFound(said)
        | DeviceError::Unsupported(said)
        | DeviceError::Invalid(said)
        | DeviceError::TimedOut(said)
        | DeviceError::Lost(said)
        | DeviceError::Broken(said)
        | DeviceError::Other(said) = &mut error
    {
        text(mask, said);
    }
    error
}

fn text(mask: &Mask, said: &mut String) {
    if let Cow::Owned(masked) = mask.text(said) {
        *said = masked;
    }
}

fn each(answer: &mut Answer, hide: &mut impl FnMut(&mut String)) {
    match answer {
        Answer::Text(said) => hide(said),
        Answer::Logs(logs) => logs.lines.iter_mut().for_each(|line| {
            hide(&mut line.source);
            hide(&mut line.text);
        }),
        Answer::Tree(tree) => {
            tree.app
                .iter_mut()
                .chain(&mut tree.title)
                .for_each(&mut *hide);
            for node in &mut tree.nodes {
                hide(&mut node.label);
                let others = node.value.iter_mut().chain(&mut node.identifier);
                others.for_each(&mut *hide);
            }
        }
        Answer::Alert(Some(alert)) => {
            hide(&mut alert.text);
            alert.buttons.iter_mut().for_each(hide);
        }
        Answer::Apps(apps) => apps.iter_mut().for_each(|app| hide(&mut app.name)),
        Answer::Installed(app) => hide(&mut app.name),
        Answer::Alert(None)
        | Answer::Done
        | Answer::Screen(_)
        | Answer::Image(_)
        | Answer::AppState(_)
        | Answer::Orientation(_)
        | Answer::Data(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use hostler_provider::{LogLine, Logs};
    use hostler_secret::SecretValue;

    use super::*;

    #[test]
    fn a_secret_that_a_device_shows_is_masked() {
        let mask = Mask::default();
        let value = SecretValue::new("NAME", b"correct horse".to_vec()).unwrap();
        mask.learn(&"NAME".parse().unwrap(), &value);
        let line = LogLine {
            time: 0,
            level: "info".into(),
            source: "driver".into(),
            text: "key correct horse".into(),
        };
        let logs = Answer::Logs(Logs {
            lines: vec![line],
            next: 1,
        });
        let shown = format!("{:?}", outcome(Some(&mask), Ok(logs)));
        assert!(shown.contains("key [secret NAME]"), "{shown}");
        let failed = DeviceError::Other("it said correct horse".into());
        let shown = outcome(Some(&mask), Err(failed.clone())).unwrap_err();
        assert_eq!(shown.to_string(), "it said [secret NAME]");
        assert_eq!(outcome(None, Err(failed.clone())), Err(failed));
    }
}
