//! Why this host closes a WebSocket. Codes under 4000 are those of RFC 6455.

/// The client closed it.
pub const NORMAL: u16 = 1000;
/// The host stops. Sessions end with it: connect again when it is back.
pub const GOING_AWAY: u16 = 1001;
/// A text frame was not UTF-8, or the frames made no sense.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A message was larger than [`MAX_MESSAGE`].
pub const TOO_LARGE: u16 = 1009;
/// What was due to the client could not be read from the journal. The host's log
/// says why; other sessions can be used on a new connection.
pub const UNREADABLE: u16 = 1011;
/// The token that let the connection in was revoked, or its life is over. Connect
/// again with another one.
pub const REVOKED: u16 = 4001;
/// The client read too slowly. Its sessions go on: connect again and load them.
pub const SLOW_READER: u16 = 4008;
/// Nothing was heard of the client for a long time, not even an answer to a
/// ping. Its sessions go on: connect again and load them.
pub const SILENT: u16 = 4010;

/// The largest message that is taken, in bytes: a prompt with some images, or a
/// file of the largest size that the host reads.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;
