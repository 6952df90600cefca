//! HTTP by hand: the headers under test are the ones that clients set by
//! themselves.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Server;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `error.code` of the body.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert!(
            body["error"]["message"]
                .as_str()
                .is_some_and(|text| text.len() > 10),
            "{body}"
        );
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}

impl Server {
    /// `line` is the method and the path. `Host` and `Connection` are added
    /// unless `headers` have them; an empty value leaves a header out.
    pub(crate) async fn http(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        self.http_body(line, headers, "").await
    }

    /// JSON with a token, or without if it is empty.
    pub(crate) async fn rest(&self, line: &str, token: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let authorization = if token.is_empty() { "" } else { &bearer };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.http_body(line, &[("Authorization", authorization)], &body)
            .await
    }

    pub(crate) async fn http_body(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let given = |wanted| headers.iter().any(|(name, _)| *name == wanted);
        let mut request = format!("{line} HTTP/1.1\r\n");
        if !given("Connection") {
            request += "Connection: close\r\n";
        }
        if !given("Host") {
            request += &format!("Host: {}\r\n", self.addr);
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() && !given("Content-Length") {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body;
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }
}
