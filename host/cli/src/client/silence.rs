//! Answers that stop coming.

use std::{
    error::Error,
    fmt,
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// How long a host may send nothing in the middle of an answer: three times what
/// its streams let pass between two signs of life.
pub(crate) const SILENCE: Duration = Duration::from_secs(45);

/// The rest of an answer, which fails after a silence and so never waits for ever.
pub(crate) struct Lively<B = Incoming> {
    body: B,
    limit: Duration,
    silent: Pin<Box<Sleep>>,
}

impl<B> Lively<B> {
    pub(crate) fn new(body: B) -> Self {
        Self::with(body, SILENCE)
    }

    fn with(body: B, limit: Duration) -> Self {
        let silent = Box::pin(sleep(limit));
        Self {
            body,
            limit,
            silent,
        }
    }
}

impl<B> Body for Lively<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let until = Instant::now() + self.limit;
            self.silent.as_mut().reset(until);
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        match self.silent.as_mut().poll(cx) {
            Poll::Ready(()) => {
                let why = format!("nothing came for {} seconds", self.limit.as_secs());
                Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, why))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for Lively<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lively")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    #[tokio::test]
    async fn an_answer_that_stops_coming_is_an_error_and_what_came_before_counts() {
        let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from("some")))]);
        let stalled = StreamBody::new(first.chain(stream::pending()));
        let mut body = Lively::with(stalled, Duration::from_millis(20));
        let came = body.frame().await.unwrap().unwrap();
        assert_eq!(came.into_data().unwrap(), "some");
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("nothing came"), "{error}");
    }
}
