#include "server/connect/files/directory_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"
#include "server/connect/files/utc_text.h"

namespace server {

namespace {

// Limit for the number of file names in files_ and in the committed positions. Each start, and each
// listing of the directory, takes longer with more names. With cleanup.policy MOVE or DELETE only
// a few names are stored.
constexpr size_t kMostNames = 100'000;
constexpr size_t kMostListed = 1'000;
constexpr size_t kMostFilesOfBatch = 100;
constexpr int64_t kNsOfMs = 1'000'000;

int64_t member_number(const engine::JsonTree& object, std::string_view name) {
  const engine::JsonTree* member = object.find(name);
  int64_t number = 0;
  if (member != nullptr && member->kind == engine::JsonKind::Number)
    std::from_chars(member->text.data(), member->text.data() + member->text.size(), number);
  return number;
}

}  // namespace

DirectoryReader::DirectoryReader(const Folder& folder, const Clock& clock,
                                 const engine::FileSource& source,
                                 const engine::RowColumns& columns)
    : folder_(folder),
      clock_(clock),
      source_(source),
      columns_(columns),
      pattern_(source.pattern) {}

std::string DirectoryReader::path_of(std::string_view name) const {
  return fmt::format("{}/{}", source_.directory, name);
}

SourcePosition DirectoryReader::position_of(std::string_view name, const Progress& progress) {
  constexpr std::string_view kOutcomes[] = {"reading", "done", "failed"};
  engine::JsonObjectText json;
  json.number("inode", static_cast<int64_t>(progress.inode));
  if (progress.place.is_inside) json.number("inside", 1);
  json.number("lines", progress.place.lines)
      .number("position", progress.place.offset)
      .text("state", kOutcomes[static_cast<size_t>(progress.outcome)]);
  return {engine::JsonObjectText().text("filename", name).take(), json.take()};
}

Status DirectoryReader::start(const SourcePositions& positions) {
  for (const SourcePosition& position : positions) {
    const auto partition = engine::parse_json_tree(position.partition_json);
    const auto offset = engine::parse_json_tree(position.offset_json.value_or("null"));
    if (!partition || !offset || offset->kind != engine::JsonKind::Object) continue;
    const std::string state = offset->text_of("state");
    files_[partition->text_of("filename")] = {
        static_cast<uint64_t>(member_number(*offset, "inode")),
        {member_number(*offset, "position"), member_number(*offset, "lines"),
         member_number(*offset, "inside") != 0},
        state == "done"     ? Outcome::Done
        : state == "failed" ? Outcome::Failed
                            : Outcome::Reading};
  }
  for (auto each = files_.begin(); each != files_.end();) {
    const bool is_removed =
        each->second.outcome != Outcome::Reading && TRY(clean_up(each->first, each->second));
    if (is_removed) removed_.push_back({position_of(each->first, each->second).partition_json, {}});
    each = is_removed ? files_.erase(each) : std::next(each);
  }
  // Without this check, a missing directory would cause no error, and the user would only see an empty topic.
  TRY(folder_.open_directory(source_.directory));
  return {};
}

Result<bool> DirectoryReader::clean_up(const std::string& name, Progress& progress) {
  const bool has_failed = progress.outcome == Outcome::Failed;
  if (!has_failed && source_.cleanup == engine::FileCleanup::None) return false;
  const auto facts = folder_.facts(path_of(name));
  if (!facts && facts.error().code != ErrorCode::UndefinedObject) return facts.error();
  // The file no longer exists, or another file has its name, so the position is no longer needed.
  if (!facts || facts->inode != progress.inode) return true;
  // A program has written more after the end of the file was read, so the rest is read first.
  if (!has_failed && codec_of_file(name) == FileCodec::None &&
      facts->size > progress.place.offset) {
    progress.outcome = Outcome::Reading;
    return false;
  }
  if (!has_failed && source_.cleanup == engine::FileCleanup::Delete) {
    TRY(folder_.remove(path_of(name)));
    return true;
  }
  std::string target = has_failed ? source_.error_path : source_.finished_path;
  if (!has_failed && source_.cleanup == engine::FileCleanup::MoveByDate)
    target += "/" + utc_day(facts->modified_ns / kNsOfMs);
  TRY(folder_.make_directories(target));
  TRY(folder_.rename(path_of(name), fmt::format("{}/{}", target, name)));
  return true;
}

Status DirectoryReader::confirm(const SourcePositions& positions) {
  for (const SourcePosition& position : positions) {
    if (!position.offset_json) continue;
    // Files whose committed state is "reading" are not cleaned up. files_ may show that such a file was read to its
    // end before the batch with its last records is committed.
    const auto offset = engine::parse_json_tree(*position.offset_json);
    if (!offset || offset->text_of("state") == "reading") continue;
    const auto partition = engine::parse_json_tree(position.partition_json);
    const std::string name = partition ? partition->text_of("filename") : std::string();
    const auto file = files_.find(name);
    if (file == files_.end() || file->second.outcome == Outcome::Reading) continue;
    if (!TRY(clean_up(name, file->second))) continue;
    files_.erase(file);
    removed_.push_back({position.partition_json, {}});
  }
  return {};
}

Status DirectoryReader::open(const std::string& name, FilePlace place) {
  OpenFile file = TRY(folder_.open_file(path_of(name)));
  const FileFacts facts = TRY(facts_of(file));
  Progress& progress = files_[name];
  if (progress.inode != facts.inode) place = {};
  progress = {facts.inode, place, Outcome::Reading};
  name_ = name;
  file_ = std::move(file);
  file_size_ = facts.size;
  window_.clear();
  compressed_.reset();
  if (const FileCodec codec = codec_of_file(name); codec != FileCodec::None)
    compressed_.emplace(file_, codec, path_of(name));
  reader_.emplace(source_, columns_, path_of(name));
  const std::string path = path_of(name);
  reader_->set_file({path.starts_with('/') ? path : fmt::format("{}/{}", folder_.path(), path),
                     facts.size, facts.modified_ns / kNsOfMs});
  if (place.offset > 0 && reader_->needs_beginning()) {
    const std::string text = compressed_
                                 ? std::string(TRY(compressed_->at(0, engine::kMaxLineBytes)))
                                 : TRY(read_at(file_, 0, engine::kMaxLineBytes));
    TRY(reader_->read_beginning(text));
  }
  reader_->go_to(place);
  return {};
}

Status DirectoryReader::find_files() {
  lag_bytes_ = 0;
  for (const std::string& name : TRY(folder_.list(source_.directory))) {
    if (!std::regex_match(name, pattern_)) continue;
    const auto facts = folder_.facts(path_of(name));
    if (!facts) continue;  // the file was removed after the listing
    const auto known = files_.find(name);
    const bool is_read = known != files_.end() && known->second.outcome != Outcome::Reading;
    // With cleanup.policy NONE, a name is read only once, even if another file gets the name later.
    if (is_read) continue;
    lag_bytes_ += facts->size;
    const int64_t age_ms = clock_.wall_ms() - facts->modified_ns / kNsOfMs;
    const bool is_complete = age_ms >= source_.minimum_age_ms || known != files_.end();
    // Further names are found by the next call of find_files(), so that the list stays short.
    if (is_complete && waiting_.size() < kMostListed) waiting_.push_back(name);
  }
  return {};
}

Result<bool> DirectoryReader::open_next() {
  if (waiting_.empty() && clock_.wall_ms() >= next_listing_ms_) {
    TRY(find_files());
    if (waiting_.empty()) next_listing_ms_ = clock_.wall_ms() + source_.list_pause_ms;
  }
  for (; !waiting_.empty(); waiting_.pop_front()) {
    const std::string name = waiting_.front();
    const auto known = files_.find(name);
    if (known == files_.end() && files_.size() >= kMostNames)
      return Error{
          ErrorCode::LimitExceeded,
          fmt::format("{} has more than {} files that were read", source_.directory, kMostNames),
          {},
          "cleanup.policy MOVE or DELETE removes files that were read."};
    const Status opened = open(name, known == files_.end() ? FilePlace{} : known->second.place);
    // the file was removed after the listing
    if (!opened && opened.error().code == ErrorCode::UndefinedObject) continue;
    TRY(opened);
    waiting_.pop_front();
    return true;
  }
  return false;
}

void DirectoryReader::end_file(Outcome outcome, SourceBatch& batch) {
  Progress& progress = files_[name_];
  progress.place = reader_->place();
  progress.outcome = outcome;
  batch.positions.push_back(position_of(name_, progress));
  reader_.reset();
  compressed_.reset();
  file_ = OpenFile();
}

void DirectoryReader::put_back(FilePlace place) {
  waiting_.push_front(name_);
  files_[name_].place = place;
  files_[name_].outcome = Outcome::Reading;
  reader_.reset();
  compressed_.reset();
  file_ = OpenFile();
}

// One batch, and so one commit, contains several small files. A file with a bad record gets a batch
// of its own, because a bad record that is not tolerated prevents the commit of its whole batch.
Result<SourceBatch> DirectoryReader::poll(const Limits& limits) {
  SourceBatch batch;
  batch.positions = std::exchange(removed_, {});
  if (!reader_ && !TRY(open_next())) return batch;
  int64_t bytes = file_size_;
  const auto append = [&](SourceBatch more) {
    std::ranges::move(more.records, std::back_inserter(batch.records));
    std::ranges::move(more.bad, std::back_inserter(batch.bad));
    std::ranges::move(more.positions, std::back_inserter(batch.positions));
  };
  // A compressed file is alone in its batch, because even a small one may contain many records.
  const bool is_alone = compressed_.has_value();
  append(TRY(convert_file(limits)));
  batch.has_more = true;
  for (size_t files = 1; files < kMostFilesOfBatch; ++files) {
    const bool has_room = !is_alone && !reader_ && batch.bad.empty() &&
                          batch.records.size() < limits.max_records / 2 && !waiting_.empty();
    const auto opened = has_room ? open_next() : Result<bool>(false);
    if (!opened || !*opened) break;  // an error is reported by the next call
    bytes += file_size_;
    const FilePlace place = reader_->place();
    const bool is_too_much = compressed_ || bytes > static_cast<int64_t>(limits.max_bytes);
    auto more = is_too_much ? Result<SourceBatch>(SourceBatch{}) : convert_file(limits);
    if (!more || !more->bad.empty() || more->positions.empty()) {
      put_back(place);
      break;
    }
    append(*std::move(more));
  }
  return batch;
}

Result<DirectoryReader::Part> DirectoryReader::next_part() {
  const int64_t offset = reader_->place().offset;
  if (compressed_) {
    // kMaxLineBytes + 2 bytes are enough for the longest record and its line end (CR LF).
    const std::string_view text = TRY(compressed_->at(offset, engine::kMaxLineBytes + 2));
    return Part{text, compressed_->is_at_end()};
  }
  const std::string_view text = TRY(window_.at(file_, offset, file_size_));
  return Part{text, offset + static_cast<int64_t>(text.size()) >= file_size_};
}

int64_t DirectoryReader::bytes_read() const {
  return compressed_ ? compressed_->consumed() : reader_->place().offset;
}

Result<SourceBatch> DirectoryReader::convert_file(const Limits& limits) {
  SourceBatch batch;
  const int64_t size = file_size_ = TRY(facts_of(file_)).size;
  const int64_t before = bytes_read();
  const auto part = next_part();
  const bool is_last = part && part->is_last;
  const auto end = is_last ? engine::TextEnd::IsFinal : engine::TextEnd::MayGrow;
  const int64_t text_end =
      reader_->place().offset + (part ? static_cast<int64_t>(part->text.size()) : 0);
  auto converted =
      part ? reader_->convert(part->text, end, limits, batch) : Result<bool>(part.error());
  if (!converted || (!batch.bad.empty() && !source_.halts_on_error)) {
    if (source_.halts_on_error) return converted.error();
    const std::string reason =
        converted ? batch.bad.front().error.message : converted.error().message;
    log_warn("connector file=\"{}\" is moved to {} error=\"{}\"", path_of(name_),
             source_.error_path, reason);
    batch.bad.clear();
    lag_bytes_ = std::max<int64_t>(0, lag_bytes_ - (size - before));
    end_file(Outcome::Failed, batch);
    return batch;
  }
  lag_bytes_ = std::max<int64_t>(0, lag_bytes_ - (bytes_read() - before));
  if (is_last && reader_->place().offset >= text_end) {
    end_file(Outcome::Done, batch);
    return batch;
  }
  Progress& progress = files_[name_];
  progress.place = reader_->place();
  batch.positions.push_back(position_of(name_, progress));
  return batch;
}

}  // namespace server
