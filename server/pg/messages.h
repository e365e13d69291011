// Splits the input of the PostgreSQL protocol 3.0 into messages, decodes the messages of clients,
// and encodes the messages of the server.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/pg/wire_types.h"
#include "server/sql/port.h"
#include "server/sql/script.h"

namespace server::pg {

struct Notification;
class ClientEncoding;

// ---- Messages from clients ----

inline constexpr size_t kMaxStartupBytes = 10'000;

// The first packet of a connection, and the packets after a refused SSLRequest.
struct StartupPacket {
  int32_t code = 0;
  std::string_view body;  // the bytes after the code
  size_t size = 0;        // size of the whole packet
};
inline constexpr int32_t kCancelRequestCode = 80877102, kSslRequestCode = 80877103,
                         kGssEncryptionRequestCode = 80877104;

// Reads the first packet of the input. Returns nothing while the packet is incomplete. Fails with
// ProtocolViolation on an impossible length.
Result<std::optional<StartupPacket>> next_startup_packet(std::string_view input);

struct StartupParameter {
  std::string_view name, value;
};
Result<std::vector<StartupParameter>> decode_startup_parameters(std::string_view body);

enum class ClientMessage : char {
  Bind = 'B',
  Close = 'C',
  CopyData = 'd',
  CopyDone = 'c',
  CopyFail = 'f',
  Describe = 'D',
  Execute = 'E',
  Flush = 'H',
  FunctionCall = 'F',
  Parse = 'P',
  Query = 'Q',
  Sync = 'S',
  Terminate = 'X',
};

struct FrameHead {
  static constexpr size_t kBytes = 5;  // one byte for the type, four for the length
  ClientMessage type;
  size_t body_bytes = 0;
};
struct Frame {
  ClientMessage type;
  std::string_view body;
  size_t size = 0;  // size including type and length
};
// Read the head of the first message, or the whole message. Both return nothing while the message
// is incomplete, and fail with ProtocolViolation if the type is unknown or the length exceeds
// `max_body_bytes`: the connection cannot continue then.
Result<std::optional<FrameHead>> next_head(std::string_view input, size_t max_body_bytes);
Result<std::optional<Frame>> next_frame(std::string_view input, size_t max_body_bytes);

// Returns the size of the first message, with type and length. While the length is incomplete,
// returns the number of bytes that are needed to read it.
size_t message_size(std::string_view input);

// The answer of a client during authentication.
struct PasswordMessage {
  std::string_view body;
  size_t size = 0;  // size including type and length
};
// Reads a password message. Returns nothing while the message is incomplete. Fails with
// ProtocolViolation on any other message and on a message that is too long.
Result<std::optional<PasswordMessage>> next_password(std::string_view input);
struct SaslInitialResponse {
  std::string_view mechanism, data;
};
Result<SaslInitialResponse> decode_sasl_initial(std::string_view body);

struct ParseMessage {
  std::string_view statement, sql;
  std::vector<uint32_t> parameter_oids;  // 0: not declared
};
struct BindMessage {
  std::string_view portal, statement;
  std::vector<Format> parameter_formats;
  std::vector<std::optional<std::string_view>> parameters;
  std::vector<Format> result_formats;
};
enum class Target : char { Statement = 'S', Portal = 'P' };
struct TargetMessage {  // the message Describe or Close
  Target target;
  std::string_view name;
};
struct ExecuteMessage {
  std::string_view portal;
  int32_t max_rows = 0;  // 0: all
};

// The returned views point into `body`. The functions fail with ProtocolViolation.
Result<ParseMessage> decode_parse(std::string_view body);
Result<BindMessage> decode_bind(std::string_view body);
Result<TargetMessage> decode_target(std::string_view body);
Result<ExecuteMessage> decode_execute(std::string_view body);
Result<std::string_view> decode_string(std::string_view body);  // decodes Query or CopyFail

// ---- Messages to clients ----

enum class TransactionStatus : char { Idle = 'I', InTransaction = 'T', Failed = 'E' };
enum class Severity : uint8_t { Error, Fatal };

// Appends messages to a string. Each call appends one whole message, except begin() ... end().
// Texts are converted to `encoding`; null: they stay UTF-8. If `form` is set, the answers are
// formatted by it instead, and messages that concern only the protocol are left out.
class MessageWriter {
 public:
  explicit MessageWriter(std::string& out, ClientEncoding* encoding = nullptr,
                         sql::AnswerForm* form = nullptr)
      : out_(out), encoding_(encoding), form_(form) {}

  void authentication_ok();
  void authentication_sasl(std::span<const std::string_view> mechanisms);
  void authentication_sasl_continue(std::string_view data);
  void authentication_sasl_final(std::string_view data);
  void parameter_status(std::string_view name, std::string_view value);
  void backend_key(int32_t process_id, int32_t secret);
  void negotiate_version(int32_t newest, std::span<const std::string> unknown_options);
  void ready_for_query(TransactionStatus status);
  void parse_complete() { empty('1'); }
  void bind_complete() { empty('2'); }
  void close_complete() { empty('3'); }
  void no_data() { empty('n'); }
  void portal_suspended() { empty('s'); }
  void empty_query();
  void copy_done() { empty('c'); }
  void parameter_description(std::span<const uint32_t> oids);
  // `formats`: empty (all text), one for all columns, or one per column.
  void row_description(std::span<const sql::ResultColumn> columns, std::span<const Format> formats,
                       sql::RowsKind kind = sql::RowsKind::Rows);
  void command_complete(std::string_view tag);
  // `text`: the statement to which the error's position refers.
  void error(const Error& error, std::string_view text, Severity severity = Severity::Error);
  void notice(const sql::Notice& notice);
  void warning(ErrorCode code, std::string_view message);
  void notification(const Notification& notification);
  void copy_in(size_t column_count, Format format = Format::Text) {
    copy_response('G', column_count, format);
  }
  void copy_out(size_t column_count, Format format = Format::Text) {
    copy_response('H', column_count, format);
  }
  void copy_data(std::string_view data);

  void begin(char type);
  void end();
  std::string& out() { return out_; }

 private:
  void empty(char type);
  void copy_response(char type, size_t column_count, Format format);
  void text(std::string_view value);  // appends the text and a NUL
  // Appends a field of an error; omits it if it is empty.
  void field(char type, std::string_view value);

  std::string& out_;
  ClientEncoding* const encoding_;
  sql::AnswerForm* const form_;
  size_t length_at_ = 0;
};

}  // namespace server::pg
