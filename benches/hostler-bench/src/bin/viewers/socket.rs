//! As much of a WebSocket client as counting takes: a library's would use most
//! of the processor time that is to be left to what is measured.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What is read at once, at first; a longer frame makes it grow.
const READ: usize = 16 * 1024;

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Of what is in the buffer and was not looked at.
    unread: std::ops::Range<usize>,
}

impl Socket {
    pub(crate) async fn connect(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut socket = Self {
            stream,
            buffer: vec![0; READ],
            unread: 0..0,
        };
        // The key of RFC 6455's example: nobody is to be convinced of anything.
        let request = format!(
            "GET /acp HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        socket.stream.write_all(request.as_bytes()).await?;
        let head = loop {
            socket.fill().await?;
            let came = &socket.buffer[socket.unread.clone()];
            if let Some(end) = memchr::memmem::find(came, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let status = &socket.buffer[..head];
        ensure!(
            status.starts_with(b"HTTP/1.1 101 "),
            "no WebSocket: {}",
            String::from_utf8_lossy(status)
        );
        socket.unread.start = head;
        Ok(socket)
    }

    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        self.write(TEXT, text.as_bytes()).await
    }

    /// Masked with zeros, which changes nothing.
    async fn write(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        let mut frame = vec![0x80 | kind];
        match payload.len() {
            short @ ..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                let long = u16::try_from(long).context("too long for this client")?;
                frame.extend_from_slice(&long.to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The next text.
    pub(crate) async fn text(&mut self) -> Result<&[u8]> {
        let payload = loop {
            let Some((kind, head, length)) = self.head() else {
                self.fill().await?;
                continue;
            };
            if self.unread.len() < head + length {
                self.fill().await?;
                continue;
            }
            let payload = self.unread.start + head..self.unread.start + head + length;
            self.unread.start = payload.end;
            match kind {
                TEXT => break payload,
                PING => self.write(PONG, &[]).await?,
                CLOSE => {
                    let reason = payload.start + 2.min(length)..payload.end;
                    bail!("closed: {}", String::from_utf8_lossy(&self.buffer[reason]));
                }
                _ => {}
            }
        };
        Ok(&self.buffer[payload])
    }

    /// The kind of the frame that begins here, and the bytes of its head and of
    /// its payload. Neither host nor peer sends a message in parts.
    fn head(&self) -> Option<(u8, usize, usize)> {
        let bytes = &self.buffer[self.unread.clone()];
        let kind = bytes.first()? & 0xf;
        Some(match bytes.get(1)? & 0x7f {
            126 => (
                kind,
                4,
                u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
            ),
            127 => {
                let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
                (kind, 10, length as usize)
            }
            short => (kind, 2, short.into()),
        })
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        if self.unread.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let came = self
            .stream
            .read(&mut self.buffer[self.unread.end..])
            .await?;
        ensure!(came > 0, "the connection ended");
        self.unread.end += came;
        Ok(())
    }
}
