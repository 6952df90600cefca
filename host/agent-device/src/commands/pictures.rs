//! Screenshots and recordings, which the client fetches as artifacts.

use std::time::Duration;

use hostler_provider::{Answer, Call, Image};
use serde_json::{Value, json};

use super::run::{Run, odd_answer};
use crate::{
    caller::Caller,
    clock::{unix_ms, written},
    fault::Fault,
    spool::{Kind, LIFE, Listed, NewEntry},
    state::Shared,
};

/// How long the end of a film may take: it is encoded and moved.
const FILM_LIMIT: Duration = Duration::from_secs(80);

/// The options of a screenshot that are not known of devices here.
const LEFT_OUT: [(&str, &str); 5] = [
    ("overlayRefs", "--overlay-refs"),
    ("cropOn", "--crop-on"),
    ("screenshotCropOn", "--crop-on"),
    ("pixelDensity", "--pixel-density"),
    ("screenshotScale", "--scale"),
];

/// `screenshot [PATH]`.
pub(crate) async fn screenshot(run: &Run<'_>) -> Result<Value, Fault> {
    let flags = &run.command.flags;
    let full = flags.is("screenshotFullscreen") || flags.is("fullscreen");
    let Answer::Image(image) = run.call(Call::Screenshot { full }).await? else {
        return Err(odd_answer());
    };
    let extension = if image.media_type == "image/jpeg" {
        "jpg"
    } else {
        "png"
    };
    let path = client_path(run, "path", 0)?;
    let name = file_name(path.as_deref(), &format!("screenshot.{extension}"));
    let scale = image.scale;
    let left_out = LEFT_OUT.iter().filter(|(flag, _)| {
        flags.text(flag).is_err() || flags.is(flag) || matches!(flags.text(flag), Ok(Some(_)))
    });
    let warnings: Vec<_> = left_out
        .map(|(_, option)| format!("{option} is not known here and was left out"))
        .collect();
    let mut answer = artifact(run, "path", "screenshot", image, name, path).await?;
    if let Some(map) = answer.as_object_mut() {
        map.insert("pixelDensity".into(), json!(scale));
        if !warnings.is_empty() {
            map.insert("warnings".into(), warnings.into());
        }
    }
    Ok(answer)
}

/// `record start [PATH]`, `record stop`.
pub(crate) async fn record(run: &Run<'_>) -> Result<Value, Fault> {
    match run.command.at(0) {
        Some("start") => {
            let path = client_path(run, "outPath", 1)?;
            run.act(Call::RecordStart).await?;
            run.note(|note| note.film = path.clone());
            Ok(json!({
                "recording": "started", "outPath": path.unwrap_or_default(), "showTouches": false,
            }))
        }
        Some("stop") => {
            let Answer::Image(film) = run.call_within(Call::RecordStop, FILM_LIMIT).await? else {
                return Err(odd_answer());
            };
            let path = run.note(|note| note.film.take());
            let name = file_name(path.as_deref(), "recording.mp4");
            let mut answer = artifact(run, "outPath", "screen-recording", film, name, path).await?;
            if let Some(map) = answer.as_object_mut() {
                map.insert("recording".into(), "stopped".into());
                map.insert("showTouches".into(), false.into());
            }
            Ok(answer)
        }
        _ => Err(Fault::args("`record` takes start or stop")),
    }
}

/// Where the client wants it, on its own side.
fn client_path(run: &Run<'_>, field: &str, place: usize) -> Result<Option<String>, Fault> {
    let paths = run.command.meta.object("clientArtifactPaths")?;
    let path = paths.text(field)?.or(run.command.at(place));
    Ok(path.map(str::to_owned))
}

/// The last part of a path of the client, of whatever system.
fn file_name(path: Option<&str>, otherwise: &str) -> String {
    let last = path.and_then(|path| path.rsplit(['/', '\\']).next());
    let last = last.filter(|last| !last.is_empty());
    last.unwrap_or(otherwise).chars().take(120).collect()
}

async fn artifact(
    run: &Run<'_>,
    field: &str,
    kind: &str,
    image: Image,
    name: String,
    path: Option<String>,
) -> Result<Value, Fault> {
    let new = NewEntry {
        kind: Kind::Artifact,
        name: name.clone(),
    };
    let owner = &run.caller.who.principal;
    let id = run.shared.spool.keep(owner, new, image.data).await?;
    let path = path.unwrap_or_else(|| name.clone());
    Ok(json!({
        field: path,
        "artifacts": [{
            "field": field, "artifactType": kind, "artifactId": id, "fileName": name,
            "localPath": path,
        }],
    }))
}

/// `artifacts`: what there is to fetch.
pub(crate) fn artifacts(shared: &Shared, caller: &Caller) -> Value {
    let all = shared.spool.list(&caller.who.principal, Kind::Artifact);
    let now = unix_ms();
    let shown = |file: &Listed| {
        let made = now.saturating_sub(file.age.as_millis() as u64);
        json!({
            "id": file.id, "filename": file.name, "sizeBytes": file.size,
            "mimeType": media_type(&file.name), "createdAt": written(made),
            "expiresAt": written(made + LIFE.as_millis() as u64),
        })
    };
    let artifacts: Vec<_> = all.iter().map(shown).collect();
    json!({ "source": "daemon", "status": "ready", "artifacts": artifacts })
}

/// By the end of its name, which this host chose or the client.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("mp4") => "video/mp4",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_is_the_last_part_of_its_path() {
        assert_eq!(file_name(Some("/tmp/a/s.png"), "x"), "s.png");
        assert_eq!(file_name(Some("C:\\a\\s.png"), "x"), "s.png");
        assert_eq!(file_name(Some("/tmp/a/"), "x"), "x");
        assert_eq!(file_name(None, "x"), "x");
    }
}
