// Checks that the change of a Protobuf schema keeps data readable: messages and fields may be added, and fields
// removed, but the meaning of a field number must not change.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/registry/compatibility.h"

namespace engine {

namespace {

constexpr size_t kMaxProtobufProblems = 20;
constexpr int64_t kStepsOfField = 30;

// Returns an equal number for kinds whose bytes can be read as each other (protobuf's documentation, "Updating A
// Message Type").
int family_of(ProtobufKind kind) {
  switch (kind) {
    case ProtobufKind::Int32:
    case ProtobufKind::Int64:
    case ProtobufKind::Uint32:
    case ProtobufKind::Uint64:
    case ProtobufKind::Bool:
      return 1;
    case ProtobufKind::Sint32:
    case ProtobufKind::Sint64:
      return 2;
    case ProtobufKind::String:
    case ProtobufKind::Bytes:
      return 3;
    case ProtobufKind::Fixed32:
    case ProtobufKind::Sfixed32:
      return 4;
    case ProtobufKind::Fixed64:
    case ProtobufKind::Sfixed64:
      return 5;
    default:
      return 10 + static_cast<int>(kind);
  }
}

bool is_numeric(ProtobufKind kind) {
  return kind != ProtobufKind::String && kind != ProtobufKind::Bytes &&
         kind != ProtobufKind::Message;
}

class ProtobufComparison {
 public:
  explicit ProtobufComparison(Effort& effort) : effort_(effort) {}

  std::vector<std::string> take() { return std::move(problems_); }

  void compare(const ProtobufSchema& reader, const ProtobufSchema& writer) {
    // The cost of a message: its name is searched among all messages of the other file.
    const auto steps_of_name = 2 * static_cast<int64_t>(reader.declared().size());
    for (const ProtobufMessage* old : writer.declared()) {
      if (!effort_.spend(kStepsOfField + steps_of_name)) return;
      const ProtobufMessage* next = reader.find(old->full_name);
      if (!next || next->full_name != old->full_name) next = find_by_place(reader, writer, *old);
      if (next)
        compare(*next, *old, "#/" + old->name);
      else
        fail("#/" + old->name, "MESSAGE_REMOVED");
    }
  }

 private:
  // Finds the reader's message for `old`. If the package has changed, the names are compared without the package.
  static const ProtobufMessage* find_by_place(const ProtobufSchema& reader,
                                              const ProtobufSchema& writer,
                                              const ProtobufMessage& old) {
    const ProtobufMessage* same = reader.find(old.name);
    return same && reader.path_of(*same).size() == writer.path_of(old).size() ? same : nullptr;
  }

  void fail(const std::string& path, std::string_view kind) {
    if (problems_.size() < kMaxProtobufProblems)
      problems_.push_back(
          fmt::format(R"({{errorType:"{}", description:"at path {}"}})", kind, path));
  }

  void compare(const ProtobufMessage& reader, const ProtobufMessage& writer,
               const std::string& path) {
    if (!compared_.insert({&reader, &writer}).second) return;
    // The cost: fields are searched among the fields of the other message, and fields of oneofs
    // among all fields.
    const auto sizes = static_cast<int64_t>(reader.fields.size() + writer.fields.size());
    if (!effort_.spend(kStepsOfField * sizes + sizes * sizes / 2)) return;
    for (const ProtobufField& old : writer.fields) {
      const std::string at = fmt::format("{}/{}", path, old.number);
      if (const ProtobufField* next = reader.find_field(old.number))
        compare(*next, old, at);
      else if (old.is_required)
        fail(at, "REQUIRED_FIELD_REMOVED");
      else if (!old.oneof.empty() && has_oneof(reader, old.oneof))
        fail(at, "ONEOF_FIELD_REMOVED");
    }
    for (const ProtobufField& next : reader.fields)
      if (next.is_required && !writer.find_field(next.number))
        fail(fmt::format("{}/{}", path, next.number), "REQUIRED_FIELD_ADDED");
    check_moves(reader, writer, path);
  }

  static bool has_oneof(const ProtobufMessage& message, const std::string& oneof) {
    return std::ranges::any_of(message.fields,
                               [&](const ProtobufField& field) { return field.oneof == oneof; });
  }

  // Reports oneofs into which several existing fields move. A single field may move into a new oneof; two existing
  // fields may both be set in a record, but only one field of a oneof can be.
  void check_moves(const ProtobufMessage& reader, const ProtobufMessage& writer,
                   const std::string& path) {
    std::set<std::string> seen;
    for (const ProtobufField& next : reader.fields) {
      const ProtobufField* old = writer.find_field(next.number);
      if (next.oneof.empty() || !old || !old->oneof.empty()) continue;
      if (!seen.insert(next.oneof).second || has_oneof(writer, next.oneof)) {
        fail(path + "/" + next.oneof, "MULTIPLE_FIELDS_MOVED_TO_ONEOF");
        return;
      }
    }
  }

  void compare(const ProtobufField& reader, const ProtobufField& writer, const std::string& path) {
    if (reader.is_map != writer.is_map) return fail(path, "FIELD_KIND_CHANGED");
    if (reader.is_repeated != writer.is_repeated && is_numeric(writer.kind))
      fail(path, "FIELD_NUMERIC_LABEL_CHANGED");
    const bool is_message = writer.kind == ProtobufKind::Message;
    const bool is_enum = writer.kind == ProtobufKind::Enum;
    if (is_message != (reader.kind == ProtobufKind::Message) ||
        is_enum != (reader.kind == ProtobufKind::Enum))
      return fail(path, "FIELD_KIND_CHANGED");
    if (is_message) {
      if (reader.message->name != writer.message->name && !reader.is_map)
        return fail(path, "FIELD_NAMED_TYPE_CHANGED");
      return compare(*reader.message, *writer.message, path + "/" + writer.message->name);
    }
    if (is_enum) return;
    if (family_of(reader.kind) != family_of(writer.kind)) fail(path, "FIELD_SCALAR_KIND_CHANGED");
  }

  Effort& effort_;
  std::set<std::pair<const ProtobufMessage*, const ProtobufMessage*>> compared_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> protobuf_read_problems(const SchemaText& reader, const SchemaText& writer,
                                                Effort& effort) {
  const auto from = ProtobufSchema::parse(writer), to = ProtobufSchema::parse(reader);
  if (!from) return {from.error().message};
  if (!to) return {to.error().message};
  ProtobufComparison comparison(effort);
  comparison.compare(**to, **from);
  return comparison.take();
}

}  // namespace engine
