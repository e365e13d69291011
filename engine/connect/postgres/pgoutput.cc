#include "engine/connect/postgres/pgoutput.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace engine {

namespace {

// Reads big-endian numbers. Reads after the end of the bytes return zeros and make is_cut() true.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    const std::string_view bytes = take(sizeof(T));
    uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
    return static_cast<T>(value);
  }
  char letter() { return static_cast<char>(number<uint8_t>()); }
  std::string_view take(size_t size) {
    if (size > rest_.size()) {
      is_cut_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string text() {
    const size_t end = rest_.find('\0');
    if (end == rest_.npos) {
      is_cut_ = true;
      return {};
    }
    const std::string_view taken = take(end);
    take(1);
    return std::string(taken);
  }
  bool is_cut() const { return is_cut_; }
  bool is_at_end() const { return rest_.empty(); }
  void fail() { is_cut_ = true; }

 private:
  std::string_view rest_;
  bool is_cut_ = false;
};

PgTuple read_tuple(MessageReader& in) {
  PgTuple tuple;
  const auto count = in.number<uint16_t>();
  for (int i = 0; i < count && !in.is_cut(); ++i) {
    switch (in.letter()) {
      case 'n':
        tuple.push_back({PgCell::State::Null});
        break;
      case 'u':
        tuple.push_back({PgCell::State::Unsent});
        break;
      case 't': {
        const auto size = in.number<uint32_t>();
        tuple.push_back({PgCell::State::Text, in.take(size)});
        break;
      }
      default:  // 'b' is sent only if the client asks for binary values
        in.fail();
    }
  }
  return tuple;
}

PgRelation read_relation(MessageReader& in) {
  PgRelation relation;
  relation.oid = in.number<uint32_t>();
  relation.schema = in.text();
  if (relation.schema.empty()) relation.schema = "pg_catalog";
  relation.name = in.text();
  relation.identity = in.letter();
  const auto count = in.number<uint16_t>();
  for (int i = 0; i < count && !in.is_cut(); ++i) {
    PgRelation::Column& column = relation.columns.emplace_back();
    column.is_identity = (in.number<uint8_t>() & 1) != 0;
    column.name = in.text();
    column.type = in.number<uint32_t>();
    column.modifier = in.number<int32_t>();
  }
  return relation;
}

std::optional<PgOldRow> old_row_of(char letter) {
  if (letter == 'K') return PgOldRow::Key;
  if (letter == 'O') return PgOldRow::Row;
  return std::nullopt;
}

PgUpdate read_update(MessageReader& in) {
  PgUpdate update;
  update.relation = in.number<uint32_t>();
  char letter = in.letter();
  if (const auto old = old_row_of(letter)) {
    update.has_before = *old;
    update.before = read_tuple(in);
    letter = in.letter();
  }
  if (letter != 'N') in.fail();
  update.after = read_tuple(in);
  return update;
}

PgDelete read_delete(MessageReader& in) {
  PgDelete deleted;
  deleted.relation = in.number<uint32_t>();
  const auto old = old_row_of(in.letter());
  if (!old) in.fail();
  deleted.has_before = old.value_or(PgOldRow::Key);
  deleted.before = read_tuple(in);
  return deleted;
}

PgTruncate read_truncate(MessageReader& in) {
  PgTruncate truncate;
  const auto count = in.number<uint32_t>();
  in.number<uint8_t>();  // the options CASCADE and RESTART IDENTITY, which are not used
  for (uint32_t i = 0; i < count && !in.is_cut(); ++i)
    truncate.relations.push_back(in.number<uint32_t>());
  return truncate;
}

PgMessage read_message(char kind, MessageReader& in) {
  switch (kind) {
    case 'B': {
      PgBegin begin;
      begin.commit_lsn = in.number<uint64_t>();
      begin.commit_us = in.number<int64_t>() + kPgEpochUs;
      begin.xid = in.number<uint32_t>();
      return begin;
    }
    case 'C': {
      PgCommit commit;
      in.number<uint8_t>();  // flags, none of which is defined yet
      commit.commit_lsn = in.number<uint64_t>();
      commit.end_lsn = in.number<uint64_t>();
      commit.commit_us = in.number<int64_t>() + kPgEpochUs;
      return commit;
    }
    case 'R':
      return read_relation(in);
    case 'I': {
      PgInsert insert;
      insert.relation = in.number<uint32_t>();
      if (in.letter() != 'N') in.fail();
      insert.after = read_tuple(in);
      return insert;
    }
    case 'U':
      return read_update(in);
    case 'D':
      return read_delete(in);
    case 'T':
      return read_truncate(in);
    case 'O':  // origin
    case 'Y':  // type
    case 'M':  // 'M': a message of pg_logical_emit_message()
      return PgIgnored{};
    default:
      in.fail();
      return PgIgnored{};
  }
}

}  // namespace

std::string pg_lsn_text(PgLsn lsn) {
  return fmt::format("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF'FFFF);
}

Result<PgLsn> parse_pg_lsn(std::string_view text) {
  const size_t slash = text.find('/');
  uint32_t high = 0, low = 0;
  const auto reads = [](std::string_view part, uint32_t& number) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number, 16);
    return error == std::errc() && end == part.data() + part.size();
  };
  if (slash == text.npos || !reads(text.substr(0, slash), high) ||
      !reads(text.substr(slash + 1), low))
    return Error{ErrorCode::InvalidText, fmt::format("\"{}\" is not an LSN", text)};
  return PgLsn{high} << 32 | low;
}

Result<PgMessage> parse_pgoutput(std::string_view bytes) {
  MessageReader in(bytes);
  const char kind = in.letter();
  PgMessage message = read_message(kind, in);
  const bool is_ignored = std::holds_alternative<PgIgnored>(message);
  if (in.is_cut() || (!is_ignored && !in.is_at_end()))
    return Error{ErrorCode::CorruptRecord,
                 fmt::format("a message of pgoutput with the letter {:?} and {} bytes is not of "
                             "protocol version 1",
                             std::string_view(&kind, 1), bytes.size())};
  return message;
}

}  // namespace engine
