#include "tests/server/pg/conversation.h"

#include <cstdio>

namespace server::pg {

namespace {

std::string shown(std::string_view bytes) {
  std::string result;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      result += hex;
    } else {
      result += c;
    }
  }
  return result;
}

std::string take_text(ByteReader& reader) {
  const size_t size = reader.rest().find('\0');
  std::string value(reader.bytes(size));
  reader.bytes(1);
  return value;
}

std::string row_in_words(ByteReader& reader) {
  std::string row;
  const int count = reader.be<int16_t>();
  for (int i = 0; i < count; ++i) {
    if (i > 0) row += ',';
    const auto size = reader.be<int32_t>();
    row += size < 0 ? "NULL" : shown(reader.bytes(static_cast<size_t>(size)));
  }
  return row;
}

std::string columns_in_words(ByteReader& reader) {
  std::string columns;
  const int count = reader.be<int16_t>();
  for (int i = 0; i < count; ++i) {
    if (i > 0) columns += ',';
    columns += take_text(reader);
    reader.bytes(4 + 2);
    columns += ":" + std::to_string(reader.be<int32_t>());
    reader.bytes(2 + 4);
    if (reader.be<int16_t>() == 1) columns += "b";
  }
  return columns;
}

// Returns SQLSTATE, message and the other fields, for example `42601 "syntax error" P1 hint "..."`.
std::string error_in_words(ByteReader& reader) {
  std::string code, rest;
  for (char field; (field = reader.be<char>()) != '\0';) {
    const std::string value = take_text(reader);
    if (field == 'C') code = value;
    if (field == 'S' && value == "FATAL") rest = " FATAL" + rest;
    if (field == 'M') rest += " " + value;
    if (field == 'P') rest += " @" + value;
    if (field == 'W') rest += " [" + value + "]";
  }
  return code + rest;
}

std::string body_in_words(char type, std::string_view body) {
  ByteReader reader(body);
  switch (type) {
    case 'T':
      return "(" + columns_in_words(reader) + ")";
    case 'D':
      return "(" + row_in_words(reader) + ")";
    case 'C':
      return "(" + take_text(reader) + ")";
    case 'd':
      return "(" + shown(body) + ")";
    case 'Z':
      return "(" + std::string(body) + ")";
    case 'E':
    case 'N':
      return "(" + error_in_words(reader) + ")";
    case 'S': {
      const std::string name = take_text(reader);
      return "(" + name + "=" + take_text(reader) + ")";
    }
    case 'A': {
      reader.be<int32_t>();
      const std::string channel = take_text(reader);
      return "(" + channel + "," + take_text(reader) + ")";
    }
    case 't': {
      std::string oids;
      const int count = reader.be<int16_t>();
      for (int i = 0; i < count; ++i)
        oids += (i > 0 ? "," : "") + std::to_string(reader.be<int32_t>());
      return "(" + oids + ")";
    }
    default:
      return "";
  }
}

}  // namespace

std::string in_words(std::string_view bytes) {
  std::string words;
  while (bytes.size() >= 5) {
    const size_t size = 1 + load_be<uint32_t>(bytes.data() + 1);
    if (size > bytes.size()) break;
    if (!words.empty()) words += ' ';
    words += bytes[0] + body_in_words(bytes[0], bytes.substr(5, size - 5));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) words += " +" + shown(bytes);
  return words;
}

Conversation::Conversation(SessionLimits limits, MemoryAccount* memory)
    : session(backend, *this, *this, clock, SessionKey{42, 4711}, limits, memory) {}

Conversation& Conversation::begun(Conversation& conversation, std::string_view application_name) {
  conversation.say(startup(
      {{"user", "ada"}, {"database", "db"}, {"application_name", std::string(application_name)}}));
  return conversation;
}

std::string Conversation::hear_bytes(std::string_view bytes) {
  session.receive(bytes);
  std::string heard;
  do {
    is_woken_ = false;
    session.run();
    heard += session.take_output();
  } while (is_woken_);
  return heard;
}

std::string Conversation::say(std::string_view bytes) { return in_words(hear_bytes(bytes)); }

}  // namespace server::pg
