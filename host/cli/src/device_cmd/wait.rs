//! `hostler device wait`.

use std::{collections::HashMap, time::Duration};

use hostler_device::{
    json::{self, Command},
    query::{Element, QueryError, Snapshot},
};
use hostler_provider as provider;
use tokio::time::{Instant, sleep};

use super::{
    act::ms,
    host::{Session, odd, print_json},
    progress::Progress,
};
use crate::{
    args::DeviceWait,
    client::text::one_line,
    exit::{Exit, Failure, OrExit as _},
    plugin_cmd::print,
};

/// Between two looks: a person would not notice.
const LOOK: Duration = Duration::from_millis(300);

/// How long a look may take at least, however little is left: the first one is
/// to be an answer.
const LEAST: Duration = Duration::from_secs(5);

pub(crate) async fn wait(args: DeviceWait) -> Result<Exit, Failure> {
    let session = Session::of(&args.device)?;
    let Some(selector) = &args.selector else {
        let timeout_ms = Some(ms(args.timeout)?);
        let outcome = session.outcome(&Command::WaitIdle { timeout_ms }).await?;
        if args.device.json {
            print_json(&outcome)?;
        }
        return Ok(Exit::Done);
    };
    let element = Element::parse(selector).or_exit(Exit::Usage)?;
    let end = Instant::now() + args.timeout;
    let mut progress = Progress::stderr();
    loop {
        let left = end.saturating_duration_since(Instant::now()).max(LEAST);
        let looked = match session.look(left).await? {
            Some(screen) => found(screen, &element)?,
            None => Found::Nothing,
        };
        match looked {
            Found::Nothing if Instant::now() + LOOK < end => {
                progress.say(&format!("waiting for {selector}"));
                sleep(LOOK).await;
            }
            Found::Nothing => {
                let message = format!("nothing fitted {} in time", one_line(selector, 200));
                return Err(Failure::new(Exit::Refused, message));
            }
            Found::Node(node) => {
                progress.end();
                if args.device.json {
                    print_json(&node)?;
                } else {
                    let (role, label) = (one_line(&node.role, 40), one_line(&node.label, 80));
                    print(&format!(
                        "{} {role} {label:?}",
                        one_line(&node.reference, 40)
                    ));
                }
                return Ok(Exit::Done);
            }
        }
    }
}

#[derive(Debug)]
enum Found {
    Nothing,
    Node(Box<json::Node>),
}

/// The first element that fits; several are as good as one to wait for.
fn found(screen: json::Snapshot, element: &Element) -> Result<Found, Failure> {
    let mut by_number: HashMap<u32, json::Node> = HashMap::new();
    let mut nodes = Vec::new();
    for node in screen.nodes {
        let read = node.to_provider().ok_or_else(odd)?;
        by_number.insert(read.number, node);
        nodes.push(read);
    }
    let tree = provider::Tree {
        nodes,
        truncated: screen.truncated,
        app: screen.app,
        title: screen.title,
    };
    let snapshot = Snapshot::new(tree);
    let number = match snapshot.find(element) {
        Ok(node) => Some(node.number),
        Err(QueryError::Several { candidates, .. }) => first_ref(&candidates),
        Err(QueryError::NoMatch(_) | QueryError::NoSnapshot(_)) => None,
        Err(error) => return Err(Failure::new(Exit::Usage, error.to_string())),
    };
    let node = number.and_then(|number| by_number.remove(&number));
    Ok(node.map_or(Found::Nothing, |node| Found::Node(Box::new(node))))
}

/// The first of the refs in a text.
fn first_ref(text: &str) -> Option<u32> {
    let (_, after) = text.split_once("@e")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
