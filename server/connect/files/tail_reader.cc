#include "server/connect/files/tail_reader.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"

namespace server {

namespace {

constexpr int64_t kMostHashed = 256;
// A program may keep its log file open for a moment after the file was renamed, and write more
// lines. So a renamed file counts as complete only after it has not changed for this time.
constexpr int64_t kQuietMs = 1'000;

std::string hash_of(std::string_view bytes) {
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

int64_t number_in(const engine::JsonTree& object, std::string_view name) {
  const engine::JsonTree* member = object.find(name);
  int64_t number = 0;
  if (member != nullptr && member->kind == engine::JsonKind::Number)
    std::from_chars(member->text.data(), member->text.data() + member->text.size(), number);
  return number;
}

std::string_view directory_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "." : path.substr(0, slash);
}
std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Returns whether log rotation may have renamed `file` to `name`, for example to access.log.1 or
// access.log-20260131. Files with other names are not read: they may be copies, whose lines would
// be read twice.
bool is_rotated_name(std::string_view name, std::string_view file) {
  if (!name.starts_with(file) || name.size() < file.size() + 2) return false;
  const std::string_view suffix = name.substr(file.size());
  return (suffix[0] == '.' || suffix[0] == '-') &&
         suffix.find_first_not_of("0123456789.-_T:") == std::string_view::npos &&
         suffix.find_first_of("0123456789") != std::string_view::npos;
}

// Returns the number of a rotated file (access.log.1), where 1 is the youngest file; nothing if the name has a date.
std::optional<int64_t> rotation_number(std::string_view name, std::string_view file) {
  constexpr size_t kDigitsOfDate = 6;
  const std::string_view digits = name.substr(file.size() + 1);
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.size() >= kDigitsOfDate || error != std::errc() ||
      stop != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

// Returns whether the name `a` belongs to an older rotated file than the name `b`. Used for files
// with the same time.
bool is_older_name(std::string_view a, std::string_view b, std::string_view file) {
  const auto first = rotation_number(a, file), second = rotation_number(b, file);
  if (first && second) return *first > *second;
  return a < b;  // names that contain dates are in the order of time
}

}  // namespace

std::string TailReader::partition_json() const {
  return engine::JsonObjectText().text("filename", source_.file).take();
}

std::optional<TailReader::Mark> TailReader::parse(const SourcePosition& position) {
  const auto tree = engine::parse_json_tree(position.offset_json.value_or("null"));
  if (!tree || tree->kind != engine::JsonKind::Object) return std::nullopt;
  return Mark{
      static_cast<uint64_t>(number_in(*tree, "inode")),
      tree->text_of("hash"),
      number_in(*tree, "hashed"),
      {number_in(*tree, "position"), number_in(*tree, "lines"), number_in(*tree, "inside") != 0}};
}

Result<SourcePosition> TailReader::position() {
  const FilePlace& place = reader_->place();
  const int64_t hashed = std::min(kMostHashed, place.offset);
  if (hashed != mark_.hashed_bytes) {
    mark_.hash = hash_of(TRY(read_at(file_, 0, static_cast<size_t>(hashed))));
    mark_.hashed_bytes = hashed;
  }
  // The members are sorted by name, as canonical_json_object() requires.
  engine::JsonObjectText json;
  json.text("hash", mark_.hash)
      .number("hashed", mark_.hashed_bytes)
      .number("inode", static_cast<int64_t>(mark_.inode));
  if (place.is_inside) json.number("inside", 1);
  json.number("lines", place.lines).number("position", place.offset);
  return SourcePosition{partition_json(), json.take()};
}

Status TailReader::start(const SourcePositions& positions) {
  const auto own = std::ranges::find(positions, partition_json(), &SourcePosition::partition_json);
  if (own == positions.end()) return {};
  if (const auto mark = parse(*own)) return open_marked(*mark);
  return {};
}

Status TailReader::open_marked(const Mark& mark) {
  const auto try_open = [&](std::string_view path) -> Result<bool> {
    auto file = folder_.open_file(path);
    if (!file && file.error().code == ErrorCode::UndefinedObject) return false;
    if (!file) return file.error();
    const FileFacts facts = TRY(facts_of(*file));
    // A position that a user has set has no inode, and refers to the file that has the name now.
    const bool is_same =
        mark.inode == 0 ||
        (facts.inode == mark.inode && facts.size >= mark.place.offset &&
         hash_of(TRY(read_at(*file, 0, static_cast<size_t>(mark.hashed_bytes)))) == mark.hash);
    if (!is_same) return false;
    TRY(begin(*std::move(file), mark.place));
    mark_.hash = mark.hash;
    mark_.hashed_bytes = mark.inode == 0 ? 0 : mark.hashed_bytes;
    return true;
  };
  if (TRY(try_open(source_.file))) return {};
  const std::string_view directory = directory_of(source_.file);
  const auto names = folder_.list(directory);
  if (!names) return names.error().code == ErrorCode::UndefinedObject ? Status{} : names.error();
  for (const std::string& name : *names) {
    const std::string path = fmt::format("{}/{}", directory, name);
    const auto facts = folder_.facts(path);
    if (facts && facts->inode == mark.inode && TRY(try_open(path))) return {};
  }
  log_warn(
      "connector file=\"{}\": the file that was read up to byte {} no longer exists; lines "
      "behind that byte are lost, and reading begins with the present file",
      source_.file, mark.place.offset);
  return {};
}

Status TailReader::begin(OpenFile file, FilePlace place) {
  const FileFacts facts = TRY(facts_of(file));
  file_ = std::move(file);
  window_.clear();
  mark_ = {.inode = facts.inode};
  reader_.emplace(source_, columns_, source_.file);
  if (place.offset > 0 && reader_->needs_beginning()) {
    const std::string text = TRY(read_at(file_, 0, engine::kMaxLineBytes));
    TRY(reader_->read_beginning(text));
  }
  reader_->go_to(place);
  return {};
}

Status TailReader::restart_if_truncated() {
  const FileFacts facts = TRY(facts_of(file_));
  lag_bytes_ = std::max<int64_t>(0, facts.size - reader_->place().offset);
  const bool is_shorter = facts.size < reader_->place().offset;
  if (!is_shorter &&
      (mark_.hashed_bytes == 0 ||
       hash_of(TRY(read_at(file_, 0, static_cast<size_t>(mark_.hashed_bytes)))) == mark_.hash))
    return {};
  log_warn(
      "connector file=\"{}\": the file was truncated; it was read up to byte {}, and lines "
      "behind that byte are lost",
      source_.file, reader_->place().offset);
  reader_.emplace(source_, columns_, source_.file);
  window_.clear();
  mark_ = {.inode = facts.inode};
  lag_bytes_ = facts.size;
  return {};
}

Result<std::vector<std::string>> TailReader::younger_than(const FileFacts& facts) const {
  struct Rotated {
    std::string name;
    FileFacts facts;
  };
  std::vector<Rotated> found;
  const std::string_view directory = directory_of(source_.file), file = name_of(source_.file);
  for (std::string& name : TRY(folder_.list(directory))) {
    if (!is_rotated_name(name, file)) continue;
    const auto its = folder_.facts(fmt::format("{}/{}", directory, name));
    if (its) found.push_back({std::move(name), *its});
  }
  // Files that were rotated in quick succession may have the same time, because the clock of the
  // file system is coarse. Their names then determine the order.
  std::ranges::sort(found, [&](const Rotated& a, const Rotated& b) {
    if (a.facts.modified_ns != b.facts.modified_ns)
      return a.facts.modified_ns < b.facts.modified_ns;
    return is_older_name(a.name, b.name, file);
  });
  const auto own = std::ranges::find_if(
      found, [&](const Rotated& each) { return each.facts.inode == facts.inode; });
  std::vector<std::string> paths;
  for (auto each = own == found.end() ? found.begin() : own + 1; each != found.end(); ++each)
    if (own != found.end() || each->facts.modified_ns > facts.modified_ns)
      paths.push_back(fmt::format("{}/{}", directory, each->name));
  return paths;
}

int64_t TailReader::file_system_ns(int64_t seen_ns) {
  constexpr int64_t kNsOfUs = 1'000;
  const int64_t now_us = clock_.monotonic_us();
  const int64_t known_ns = reached_ns_ + (now_us - reached_us_) * kNsOfUs;
  if (seen_ns <= known_ns) return known_ns;
  reached_ns_ = seen_ns;
  reached_us_ = now_us;
  return seen_ns;
}

Result<bool> TailReader::is_finished() {
  const auto present = folder_.facts(source_.file);
  if (!present && present.error().code != ErrorCode::UndefinedObject) return present.error();
  const FileFacts own = TRY(facts_of(file_));
  if (!present || present->inode == own.inode) return false;
  constexpr int64_t kNsOfMs = 1'000'000;
  const int64_t now_ns = file_system_ns(std::max(own.modified_ns, present->modified_ns));
  return now_ns - own.modified_ns >= kQuietMs * kNsOfMs;
}

Result<bool> TailReader::open_next() {
  const FileFacts own = TRY(facts_of(file_));
  const std::vector<std::string> between = TRY(younger_than(own));
  auto next = folder_.open_file(between.empty() ? source_.file : between.front());
  if (!next && next.error().code != ErrorCode::UndefinedObject) return next.error();
  // The file was renamed a moment ago; the next call finds it among the rotated files.
  if (!next) return false;
  TRY(begin(*std::move(next), {}));
  return true;
}

Result<SourceBatch> TailReader::poll(const Limits& limits) {
  SourceBatch batch;
  if (!file_.is_open()) {
    auto file = folder_.open_file(source_.file);
    // the file does not exist yet
    if (!file && file.error().code == ErrorCode::UndefinedObject) return batch;
    if (!file) return file.error();
    TRY(begin(*std::move(file), {}));
  }
  TRY(restart_if_truncated());
  const int64_t before = reader_->place().offset;
  const std::string_view text = TRY(window_.at(file_, before, before + lag_bytes_));
  bool has_moved = TRY(reader_->convert(text, engine::TextEnd::MayGrow, limits, batch));
  if (!has_moved && TRY(is_finished())) {
    if (text.empty()) {
      batch.has_more = TRY(open_next());
      return batch;
    }
    has_moved = TRY(reader_->convert(text, engine::TextEnd::IsFinal, limits, batch));
  }
  if (!has_moved) return batch;
  batch.positions.push_back(TRY(position()));
  lag_bytes_ = std::max<int64_t>(0, lag_bytes_ - (reader_->place().offset - before));
  batch.has_more = true;
  return batch;
}

}  // namespace server
