#include "server/pg/messages.h"

#include <algorithm>

#include "base/bytes.h"
#include "server/pg/client_encoding.h"
#include "server/pg/notifications.h"

namespace server::pg {

namespace {

Error violation(std::string message) {
  return Error{ErrorCode::ProtocolViolation, std::move(message)};
}
Error cut_short(std::string_view what) {
  return violation("invalid " + std::string(what) + " message: it is cut short");
}

// Reads a message body field by field. After the last field `ok()` returns whether all fields were
// present.
class BodyReader : public ByteReader {
 public:
  using ByteReader::ByteReader;
  std::string_view string() {
    const size_t size = rest().find('\0');
    if (size == std::string_view::npos) {
      bytes(rest().size() + 1);  // reading more bytes than exist makes the reader fail
      return {};
    }
    const std::string_view text = bytes(size);
    bytes(1);
    return text;
  }
  // Reads the number of fields that follow, each of at least `field_size` bytes. A count that does
  // not fit into the rest of the message is an error, since callers reserve memory for the fields.
  size_t count(size_t field_size) {
    const size_t claimed = be<uint16_t>();
    if (claimed * field_size > rest().size()) bytes(rest().size() + 1);  // makes the reader fail
    return ok() ? claimed : 0;
  }
};

bool is_known(char type) {
  constexpr std::string_view kTypes = "BCdcfDEHFPQSX";
  return kTypes.find(type) != std::string_view::npos;
}

Result<std::vector<Format>> read_formats(BodyReader& reader) {
  std::vector<Format> formats(reader.count(sizeof(int16_t)));
  for (Format& format : formats) {
    const auto code = reader.be<int16_t>();
    if (code != 0 && code != 1)
      return Error{ErrorCode::InvalidParameter, "unsupported format code: " + std::to_string(code)};
    format = static_cast<Format>(code);
  }
  return formats;
}

// Returns the position in characters, counted from 1, as clients expect it.
size_t character_position(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  return 1 + static_cast<size_t>(std::ranges::count_if(
                 before, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Result<std::optional<StartupPacket>> next_startup_packet(std::string_view input) {
  if (input.size() < sizeof(int32_t)) return std::nullopt;
  const auto length = load_be<uint32_t>(input.data());
  if (length < 8 || length > kMaxStartupBytes) return violation("invalid length of startup packet");
  if (input.size() < length) return std::nullopt;
  return StartupPacket{load_be<int32_t>(input.data() + 4), input.substr(8, length - 8), length};
}

Result<std::vector<StartupParameter>> decode_startup_parameters(std::string_view body) {
  std::vector<StartupParameter> parameters;
  BodyReader reader(body);
  while (true) {
    const std::string_view name = reader.string();
    if (!reader.ok()) return violation("invalid startup packet layout: expected terminator");
    if (name.empty()) break;
    parameters.push_back({name, reader.string()});
  }
  if (!reader.at_end()) return violation("invalid startup packet layout: bytes after the end");
  return parameters;
}

Result<std::optional<FrameHead>> next_head(std::string_view input, size_t max_body_bytes) {
  if (input.empty()) return std::nullopt;
  if (!is_known(input[0]))
    return violation("invalid frontend message type " +
                     std::to_string(static_cast<unsigned char>(input[0])));
  if (input.size() < FrameHead::kBytes) return std::nullopt;
  const auto length = load_be<uint32_t>(input.data() + 1);
  if (length < 4 || length - 4 > max_body_bytes)
    return Error{ErrorCode::ProtocolViolation, "invalid message length " + std::to_string(length),
                 "At most " + std::to_string(max_body_bytes) +
                     " bytes are accepted in one "
                     "message."};
  return FrameHead{static_cast<ClientMessage>(input[0]), length - 4};
}

Result<std::optional<Frame>> next_frame(std::string_view input, size_t max_body_bytes) {
  const auto head = TRY(next_head(input, max_body_bytes));
  if (!head || input.size() < FrameHead::kBytes + head->body_bytes) return std::nullopt;
  return Frame{head->type, input.substr(FrameHead::kBytes, head->body_bytes),
               FrameHead::kBytes + head->body_bytes};
}

Result<std::optional<PasswordMessage>> next_password(std::string_view input) {
  constexpr size_t kMaxBytes = 8 * 1024;  // small, since the client is not authenticated
  if (input.empty()) return std::nullopt;
  if (input[0] != 'p')
    return violation("expected password response, got message type " +
                     std::to_string(static_cast<unsigned char>(input[0])));
  if (input.size() < FrameHead::kBytes) return std::nullopt;
  const auto length = load_be<uint32_t>(input.data() + 1);
  if (length < 4 || length > kMaxBytes) return violation("invalid length of password response");
  if (input.size() < 1 + size_t{length}) return std::nullopt;
  return PasswordMessage{input.substr(FrameHead::kBytes, length - 4), 1 + size_t{length}};
}

Result<SaslInitialResponse> decode_sasl_initial(std::string_view body) {
  BodyReader reader(body);
  SaslInitialResponse response{reader.string(), {}};
  const auto size = reader.be<int32_t>();
  if (size > 0) response.data = reader.bytes(static_cast<size_t>(size));
  if (!reader.ok() || !reader.at_end()) return violation("invalid SASL response");
  return response;
}

size_t message_size(std::string_view input) {
  return input.size() < FrameHead::kBytes ? FrameHead::kBytes
                                          : 1 + size_t{load_be<uint32_t>(input.data() + 1)};
}

Result<ParseMessage> decode_parse(std::string_view body) {
  BodyReader reader(body);
  ParseMessage message{reader.string(), reader.string(), {}};
  message.parameter_oids.resize(reader.count(sizeof(uint32_t)));
  for (uint32_t& oid : message.parameter_oids) oid = reader.be<uint32_t>();
  if (!reader.ok() || !reader.at_end()) return cut_short("Parse");
  return message;
}

Result<BindMessage> decode_bind(std::string_view body) {
  BodyReader reader(body);
  BindMessage message;
  message.portal = reader.string();
  message.statement = reader.string();
  message.parameter_formats = TRY(read_formats(reader));
  message.parameters.resize(reader.count(sizeof(int32_t)));
  for (auto& parameter : message.parameters) {
    const auto size = reader.be<int32_t>();
    if (size < -1) return cut_short("Bind");
    if (size >= 0) parameter = reader.bytes(static_cast<size_t>(size));
  }
  message.result_formats = TRY(read_formats(reader));
  if (!reader.ok() || !reader.at_end()) return cut_short("Bind");
  if (message.parameter_formats.size() > 1 &&
      message.parameter_formats.size() != message.parameters.size())
    return violation("bind message has " + std::to_string(message.parameter_formats.size()) +
                     " parameter formats but " + std::to_string(message.parameters.size()) +
                     " parameters");
  return message;
}

Result<TargetMessage> decode_target(std::string_view body) {
  BodyReader reader(body);
  const auto target = static_cast<char>(reader.be<uint8_t>());
  const std::string_view name = reader.string();
  if (!reader.ok() || !reader.at_end() || (target != 'S' && target != 'P'))
    return violation("invalid Describe or Close message");
  return TargetMessage{static_cast<Target>(target), name};
}

Result<ExecuteMessage> decode_execute(std::string_view body) {
  BodyReader reader(body);
  ExecuteMessage message{reader.string(), reader.be<int32_t>()};
  if (!reader.ok() || !reader.at_end()) return cut_short("Execute");
  return message;
}

Result<std::string_view> decode_string(std::string_view body) {
  BodyReader reader(body);
  const std::string_view text = reader.string();
  if (!reader.ok() || !reader.at_end()) return violation("invalid string in message");
  return text;
}

void MessageWriter::begin(char type) {
  out_ += type;
  length_at_ = out_.size();
  append_be<uint32_t>(out_, 0);
}
void MessageWriter::end() {
  store_be(out_.data() + length_at_, static_cast<uint32_t>(out_.size() - length_at_));
}
void MessageWriter::empty(char type) {
  begin(type);
  end();
}
void MessageWriter::text(std::string_view value) {
  value = value.substr(0, value.find('\0'));
  if (encoding_ != nullptr)
    out_ += encoding_->to_client_or_marks(value);
  else
    out_.append(value);
  out_ += '\0';
}

void MessageWriter::authentication_ok() {
  if (form_) return;
  begin('R');
  append_be<int32_t>(out_, 0);
  end();
}

void MessageWriter::authentication_sasl(std::span<const std::string_view> mechanisms) {
  begin('R');
  append_be<int32_t>(out_, 10);
  for (const std::string_view mechanism : mechanisms) text(mechanism);
  out_ += '\0';
  end();
}

void MessageWriter::authentication_sasl_continue(std::string_view data) {
  begin('R');
  append_be<int32_t>(out_, 11);
  out_ += data;
  end();
}

void MessageWriter::authentication_sasl_final(std::string_view data) {
  begin('R');
  append_be<int32_t>(out_, 12);
  out_ += data;
  end();
}

void MessageWriter::parameter_status(std::string_view name, std::string_view value) {
  if (form_) return;
  begin('S');
  text(name);
  text(value);
  end();
}

void MessageWriter::backend_key(int32_t process_id, int32_t secret) {
  if (form_) return;
  begin('K');
  append_be(out_, process_id);
  append_be(out_, secret);
  end();
}

void MessageWriter::negotiate_version(int32_t newest,
                                      std::span<const std::string> unknown_options) {
  begin('v');
  append_be(out_, newest);
  append_be(out_, static_cast<int32_t>(unknown_options.size()));
  for (const std::string& option : unknown_options) text(option);
  end();
}

void MessageWriter::ready_for_query(TransactionStatus status) {
  if (form_) return;
  begin('Z');
  out_ += static_cast<char>(status);
  end();
}

void MessageWriter::parameter_description(std::span<const uint32_t> oids) {
  begin('t');
  append_be(out_, static_cast<uint16_t>(oids.size()));
  for (const uint32_t oid : oids) append_be(out_, oid);
  end();
}

void MessageWriter::row_description(std::span<const sql::ResultColumn> columns,
                                    std::span<const Format> formats, sql::RowsKind kind) {
  if (form_) return form_->begin_rows(out_, columns, kind);
  begin('T');
  append_be(out_, static_cast<uint16_t>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    const WireType type = wire_type(columns[i].type);
    text(columns[i].name);
    append_be(out_, columns[i].table_oid);
    append_be(out_, columns[i].table_column);
    append_be(out_, type.oid);
    append_be(out_, type.size);
    append_be(out_, type.modifier);
    append_be(out_, static_cast<int16_t>(format_of(formats, i)));
  }
  end();
}

void MessageWriter::command_complete(std::string_view tag) {
  if (form_) return form_->end_statement(out_, tag);
  begin('C');
  text(tag);
  end();
}

void MessageWriter::field(char type, std::string_view value) {
  if (value.empty()) return;
  out_ += type;
  text(value);
}

void MessageWriter::empty_query() {
  if (form_) return form_->end_statement(out_, "");
  empty('I');
}

void MessageWriter::error(const Error& error, std::string_view statement, Severity severity) {
  if (form_) return form_->fail(out_, error, statement);
  const std::string_view word = severity == Severity::Fatal ? "FATAL" : "ERROR";
  begin('E');
  field('S', word);
  field('V', word);
  field('C', sqlstate(error.code));
  field('M', error.message.empty() ? name(error.code) : std::string_view(error.message));
  field('D', error.detail);
  field('H', error.hint);
  if (error.position && error.position->offset <= statement.size())
    field('P', std::to_string(character_position(statement, error.position->offset)));
  field('W', error.context);
  // Drivers prepare the statement again when they see this routine name of PostgreSQL's source.
  if (error.message == "cached plan must not change result type")
    field('R', "RevalidateCachedQuery");
  out_ += '\0';
  end();
}

void MessageWriter::notification(const Notification& notification) {
  if (form_) return;
  begin('A');
  append_be(out_, notification.process_id);
  text(notification.channel);
  text(notification.payload);
  end();
}

void MessageWriter::notice(const sql::Notice& notice) {
  const bool is_warning = notice.level == sql::NoticeLevel::Warning;
  const std::string_view word = is_warning                              ? "WARNING"
                                : notice.level == sql::NoticeLevel::Log ? "LOG"
                                                                        : "NOTICE";
  const std::string_view code = is_warning ? "01000" : "00000";
  if (form_) return form_->add_notice(out_, notice, code);
  begin('N');
  field('S', word);
  field('V', word);
  field('C', code);
  field('M', notice.message);
  field('D', notice.detail);
  field('H', notice.hint);
  out_ += '\0';
  end();
}

void MessageWriter::warning(ErrorCode code, std::string_view message) {
  if (form_)
    return form_->add_notice(out_, {sql::NoticeLevel::Warning, std::string(message)},
                             sqlstate(code));
  begin('N');
  field('S', "WARNING");
  field('V', "WARNING");
  field('C', sqlstate(code));
  field('M', message);
  out_ += '\0';
  end();
}

void MessageWriter::copy_response(char type, size_t column_count, Format format) {
  begin(type);
  out_ += static_cast<char>(format);  // the overall format
  append_be(out_, static_cast<uint16_t>(column_count));
  for (size_t i = 0; i < column_count; ++i) append_be(out_, static_cast<int16_t>(format));
  end();
}

void MessageWriter::copy_data(std::string_view data) {
  begin('d');
  out_ += data;
  end();
}

}  // namespace server::pg
