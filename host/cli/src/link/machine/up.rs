//! Messages of the client.

use hostler_server::close_codes::MAX_MESSAGE;
use hostler_wire::{Id, Message, RawValue, methods};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    Host, Link, Out, Phase, Queued,
    asks::Answer,
    requests::{Request, What},
};
use crate::link::{json, parts::string};

impl Link {
    /// A message of the client.
    pub(crate) fn client(&mut self, text: String, out: &mut Vec<Out>) {
        let text = Utf8Bytes::from(text);
        // What is no message the host refuses, with an answer.
        let Ok(message) = Message::parse(&text) else {
            return self.send(Queued::Other(text), out);
        };
        match message {
            Message::Request { id, method, params } => {
                let request = self.request(id, &method, params, &text);
                self.send(Queued::Request(request), out);
            }
            Message::Notification { method, params } => {
                if self.notification(&method, params) {
                    self.send(Queued::Other(text.clone()), out);
                }
            }
            Message::Response { id, .. } => match self.asks.answered(&id, &text) {
                Answer::Send => self.send(Queued::Other(text.clone()), out),
                Answer::Keep => {}
            },
        }
    }

    /// The request as it is sent to the host.
    fn request(
        &mut self,
        id: Id,
        method: &str,
        params: Option<&RawValue>,
        text: &Utf8Bytes,
    ) -> Request {
        let mut request = Request::new(id, method, params, text.clone());
        match request.what {
            What::Initialize if self.hello.is_none() => {
                let text = self.hello(text);
                self.hello = Some(text.clone());
                request.text = text;
            }
            What::Prompt if self.host != Host::Plain => self.give_key(&mut request, params, text),
            _ => {}
        }
        request
    }

    fn hello(&mut self, text: &Utf8Bytes) -> Utf8Bytes {
        const META: [&str; 4] = ["params", "clientCapabilities", "_meta", "hostler"];
        let known = json::get(text, &META);
        self.positioned = known.is_some_and(|known| known.get().starts_with('{'));
        let [a, b, c, d] = META;
        let path = [a, b, c, d, "client"];
        if self.positioned && json::get(text, &path).is_some() {
            return text.clone();
        }
        let name = serde_json::Value::from(self.name.as_str()).to_string();
        json::set(text, &path, &name).map_or_else(|| text.clone(), Utf8Bytes::from)
    }

    /// A prompt runs once however often it is sent, by its key.
    fn give_key(&mut self, request: &mut Request, params: Option<&RawValue>, text: &Utf8Bytes) {
        const KEY: &[&str] = &["params", "_meta", "hostler", "key"];
        let key = string(params, KEY.get(1..).unwrap_or_default()).or_else(|| {
            self.count += 1;
            let key = format!("{}-{}", self.name, self.count);
            let with = json::set(text, KEY, &format!("\"{key}\""))?;
            // What the host would not take it must not be sent for ever.
            if with.len() > MAX_MESSAGE {
                request.repeatable = false;
                return None;
            }
            request.text = with.into();
            Some(key)
        });
        let session = request.session.as_deref();
        if let (Some(key), Some(session)) = (key, session.and_then(|id| self.sessions.get_mut(id)))
        {
            session.prompts(key);
        }
    }

    /// What is cancelled stays so when it is sent again. True: the notification
    /// is for the host.
    fn notification(&mut self, method: &str, params: Option<&RawValue>) -> bool {
        match method {
            methods::SESSION_CANCEL => {
                let session = string(params, &["sessionId"]);
                let queued = self.queue.iter_mut().filter_map(Queued::request_mut);
                for request in self.requests.iter_mut().chain(queued) {
                    request.cancelled |= request.what == What::Prompt && request.session == session;
                }
                // Sent later it would end what runs by then, whosever that is.
                self.phase == Phase::Online || self.host != Host::Positioned
            }
            methods::CANCEL_REQUEST => {
                let id = params.and_then(|params| json::get(params.get(), &["requestId"]));
                if let Some(request) = id
                    .and_then(Id::from_raw)
                    .and_then(|id| self.requests.get(&id))
                {
                    request.cancelled = true;
                }
                true
            }
            _ => true,
        }
    }
}
