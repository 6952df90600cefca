//! One exchange: a task that does the request and passes its response on, as
//! fast as the plugin takes it.

use std::sync::Arc;

use bytes::Bytes;
use hostler_egress::{Body, Caller, FetchError};
use hostler_secret::Mask;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{ExchangeEvent, Framing, Piece, Wanted, framing::Cutter};
use crate::{
    happenings::{BURST, Emitter, Unheard},
    loaded::Shared,
};

/// A batch of a burst ends at this many bytes: as one of a child's.
const BATCH: usize = 64 * 1024;

/// Dropping it ends the exchange.
#[derive(Debug)]
pub(crate) struct ExchangeHandle(AbortOnDropHandle<()>);

impl ExchangeHandle {
    /// Returns when nothing of it is left.
    pub(crate) async fn end(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

/// Begins an exchange; everything that comes of it arrives at the emitter.
pub(crate) fn start(plugin: Arc<Shared>, wanted: Wanted, emitter: Emitter) -> ExchangeHandle {
    let task = tokio::spawn(async move {
        // Without a session there is nobody to tell.
        let _ = run(&plugin, wanted, &emitter).await;
    });
    ExchangeHandle(AbortOnDropHandle::new(task))
}

async fn run(plugin: &Shared, wanted: Wanted, emitter: &Emitter) -> Result<(), Unheard> {
    let vault = &plugin.outside.vault;
    let caller = Caller {
        plugin: &plugin.id,
        grants: &plugin.grants.http,
        vault,
        in_flight: plugin.limits.http,
    };
    let egress = &plugin.outside.egress;
    let opened = egress.stream(caller, wanted.request, wanted.silence).await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return emitter.exchange(ExchangeEvent::Failed(error)).await,
    };
    let framing = match opened.status {
        200..300 => wanted.framing,
        _ => Framing::Whole,
    };
    let head = ExchangeEvent::Head {
        status: opened.status,
        headers: opened.headers,
    };
    emitter.exchange(head).await?;
    let mask = opened.secret.then(|| vault.mask());
    let ended = forward(opened.body, framing, mask, emitter).await?;
    emitter.exchange(ended).await
}

/// The body up to its end, which is returned.
async fn forward(
    mut body: Body,
    framing: Framing,
    mask: Option<&Mask>,
    emitter: &Emitter,
) -> Result<ExchangeEvent, Unheard> {
    let mut cutter = Cutter::new(framing);
    let mut last: Option<Instant> = None;
    loop {
        let mut pieces = Vec::new();
        let first = body.chunk().await;
        let burst = last.is_some_and(|last| last.elapsed() < BURST);
        let until = burst.then(|| Instant::now() + BURST);
        let ended = collect(first, &mut body, until, &mut cutter, &mut pieces).await;
        if !pieces.is_empty() {
            emit(pieces, mask, emitter).await?;
        }
        if let Some(ended) = ended {
            return Ok(ended);
        }
        last = Some(Instant::now());
    }
}

/// Cuts a chunk and, in a burst, those that come until its end.
async fn collect(
    first: Result<Option<Bytes>, FetchError>,
    body: &mut Body,
    until: Option<Instant>,
    cutter: &mut Cutter,
    pieces: &mut Vec<Piece>,
) -> Option<ExchangeEvent> {
    let mut next = first;
    let mut bytes = 0;
    loop {
        match next {
            Ok(Some(chunk)) => {
                bytes += chunk.len();
                if let Err(error) = cutter.push(chunk, pieces) {
                    return Some(ExchangeEvent::Failed(error));
                }
            }
            Ok(None) => {
                cutter.finish(pieces);
                return Some(ExchangeEvent::End);
            }
            Err(error) => return Some(ExchangeEvent::Failed(error)),
        }
        if bytes >= BATCH {
            return None;
        }
        next = tokio::time::timeout_at(until?, body.chunk()).await.ok()?;
    }
}

/// Waits until there is room: back-pressure to the connection.
async fn emit(
    mut pieces: Vec<Piece>,
    mask: Option<&Mask>,
    emitter: &Emitter,
) -> Result<(), Unheard> {
    if let Some(mask) = mask {
        pieces.iter_mut().for_each(|piece| hide(piece, mask));
    }
    let bytes = pieces.iter().map(Piece::weight).sum();
    let _held = emitter.room(bytes).await?;
    let pieces = ExchangeEvent::Pieces { pieces, _held };
    emitter.exchange(pieces).await
}

/// A server may send back the secret that was filled into its request.
fn hide(piece: &mut Piece, mask: &Mask) {
    let texts = [
        Some(&mut piece.text),
        piece.name.as_mut(),
        piece.id.as_mut(),
    ];
    for text in texts.into_iter().flatten() {
        if let std::borrow::Cow::Owned(masked) = mask.text(text) {
            *text = masked;
        }
    }
}
