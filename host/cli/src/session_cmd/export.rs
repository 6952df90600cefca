//! `hostler session export`. It loads the session rather than attaching to it:
//! the answer to a load comes when all of the history has come.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use agent_client_protocol_schema::v1::SessionInfo;
use anyhow::Context as _;
use hostler_wire::{Message, RawValue, methods};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    host::{Ask as _, Host, refused},
    markdown::Markdown,
};
use crate::{
    args::{Format, SessionExport},
    client::answer::answer,
    exit::{Exit, Failure},
    link::parts::Update,
};

/// One line of the export.
#[derive(Serialize)]
struct Row<'a> {
    epoch: u64,
    seq: u64,
    /// As it came.
    update: &'a RawValue,
}

pub(crate) async fn run(args: SessionExport) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let found = host.find(&args.session.id).await?;
    match &args.output {
        None => {
            let mut out = BufWriter::new(io::stdout());
            write(&mut host, &found, args.format, &mut out).await?;
            out.flush().context("stdout cannot be written")?;
        }
        Some(path) => {
            // Whole or not at all.
            let failed = || format!("cannot write {}", path.display());
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            let file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
            let mut out = BufWriter::new(file.with_context(failed)?);
            write(&mut host, &found, args.format, &mut out).await?;
            let file = out.into_inner().map_err(|error| error.into_error());
            file.with_context(failed)?
                .persist(path)
                .with_context(failed)?;
        }
    }
    host.close().await;
    Ok(Exit::Done)
}

async fn write(
    host: &mut Host,
    found: &SessionInfo,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let failed = "the export cannot be written";
    let params = json!({"sessionId": found.session_id, "cwd": found.cwd, "mcpServers": []});
    let load = host.send(methods::SESSION_LOAD, &params).await?;
    let mut markdown = Markdown::new(found);
    loop {
        let text = host.connection.receive().await?;
        match Message::parse(&text).context("the host sent something that is not a message")? {
            Message::Response { id, outcome } if id == load => {
                answer(outcome)?.map_err(|error| refused(methods::SESSION_LOAD, &error))?;
                break;
            }
            Message::Notification { method, params } if method == methods::SESSION_UPDATE => {
                let Some(update) = Update::read(params) else {
                    continue;
                };
                // What has none is no history.
                let Some(at) = update.position() else {
                    continue;
                };
                match format {
                    Format::Jsonl => {
                        let row = Row {
                            epoch: at.epoch,
                            seq: at.seq,
                            update: update.update,
                        };
                        serde_json::to_writer(&mut *out, &row).context(failed)?;
                        out.write_all(b"\n").context(failed)?;
                    }
                    Format::Markdown => {
                        let update: Value = serde_json::from_str(update.update.get())
                            .context("an update of the host is odd")?;
                        markdown.update(&update);
                    }
                }
            }
            _ => {}
        }
    }
    if format == Format::Markdown {
        let text = markdown.finish();
        out.write_all(text.as_bytes()).context(failed)?;
    }
    Ok(())
}
