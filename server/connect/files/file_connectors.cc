#include "server/connect/files/file_connectors.h"

#include <fmt/format.h>

#include <filesystem>
#include <regex>

#include "engine/connect/file_properties.h"
#include "engine/connect/transforms/routed_topics.h"
#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/files/compressed_text.h"
#include "server/connect/files/directory_reader.h"
#include "server/connect/files/file_appender.h"
#include "server/connect/files/file_writer.h"
#include "server/connect/files/line_reader.h"
#include "server/connect/files/tail_reader.h"

namespace server {

namespace {

using engine::FileFormat;
using engine::FileSource;

// A reader together with the objects that it refers to.
class FileSourceReader final : public SourceReader {
 public:
  FileSourceReader(std::unique_ptr<Folder> folder, const Clock& clock, FileSource source,
                   engine::RowColumns columns)
      : folder_(std::move(folder)), source_(std::move(source)), columns_(std::move(columns)) {
    if (source_.file.empty())
      reader_ = std::make_unique<DirectoryReader>(*folder_, clock, source_, columns_);
    else
      reader_ = std::make_unique<TailReader>(*folder_, clock, source_, columns_);
  }
  Status start(const SourcePositions& positions) override { return reader_->start(positions); }
  Result<SourceBatch> poll(const Limits& limits) override { return reader_->poll(limits); }
  Status confirm(const SourcePositions& positions) override { return reader_->confirm(positions); }
  std::optional<int64_t> lag_bytes() const override { return reader_->lag_bytes(); }

 private:
  const std::unique_ptr<Folder> folder_;
  const FileSource source_;
  const engine::RowColumns columns_;
  std::unique_ptr<SourceReader> reader_;
};

std::unique_ptr<SinkWriter> make_writer(std::unique_ptr<Folder> folder, engine::FileSink sink) {
  if (sink.file.empty()) return std::make_unique<FileWriter>(std::move(folder), std::move(sink));
  return std::make_unique<FileAppender>(std::move(folder), std::move(sink));
}

// Returns the path of a file from whose lines the columns can be inferred; nothing if none exists yet.
Result<std::optional<std::string>> sample_file(const Folder& folder, const FileSource& source) {
  if (!source.file.empty()) {
    const auto file = folder.open_file(source.file);
    if (file) return std::optional(source.file);
    if (file.error().code == ErrorCode::UndefinedObject) return std::optional<std::string>();
    return file.error();
  }
  const std::regex pattern(source.pattern);
  for (const std::string& name : TRY(folder.list(source.directory)))
    if (std::regex_match(name, pattern)) return std::optional(source.directory + "/" + name);
  return std::optional<std::string>();
}

// Infers the columns from the first lines of a file. Returns none if the file has no lines.
Result<engine::RowColumns> infer_columns(const Folder& folder, const std::string& path,
                                         const FileSource& source) {
  constexpr size_t kSampleBytes = 1 << 20;
  const std::string sample = TRY(read_text(folder, path, kSampleBytes));
  const bool is_whole = sample.size() < kSampleBytes;
  const auto end = is_whole ? engine::TextEnd::IsFinal : engine::TextEnd::MayGrow;
  std::string_view rest = sample;
  std::vector<std::string_view> lines;
  while (lines.size() <= engine::kLinesToInfer) {
    const auto record = source.format == FileFormat::Csv
                            ? engine::first_csv_record(rest, end, source.csv)
                            : engine::first_line(rest, end);
    if (!record) break;
    if (!record->text.empty()) lines.push_back(record->text);
    rest.remove_prefix(record->size);
  }
  if (source.format == FileFormat::Json) return engine::infer_json_columns(lines);
  if (lines.empty()) return engine::RowColumns();
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (lines[0].starts_with(kByteOrderMark)) lines[0].remove_prefix(kByteOrderMark.size());
  engine::CsvSettings header = source.csv;
  header.null_text.reset();
  std::vector<std::string> names;
  for (auto& field : TRY(engine::split_csv(lines[0], header))) names.push_back(std::move(*field));
  std::vector<engine::CsvFields> rows;
  for (size_t i = 1; i < lines.size(); ++i)
    if (auto fields = engine::split_csv(lines[i], source.csv)) rows.push_back(std::move(*fields));
  return engine::infer_csv_columns(names, rows);
}

// Returns the stream over the topic of the transformed records, with columns that are inferred from
// the first lines. Returns nothing if there are no lines, or if no columns can be inferred.
// DeclaredStream::given_columns are the columns of the file, before the transforms.
Result<std::optional<DeclaredStream>> transformed_stream(const Folder& folder,
                                                         const std::string& path,
                                                         const FileSource& source,
                                                         const engine::TransformChain& transforms) {
  engine::RowColumns written = source.given_columns;
  if (written.empty() && source.format == FileFormat::Csv)
    written = TRY(infer_columns(folder, path, source));
  constexpr size_t kSampleBytes = 1 << 20;
  const std::string sample = TRY(read_text(folder, path, kSampleBytes));
  LineReader reader(source, written, path);
  SourceBatch batch;
  TRY(reader.convert(sample, engine::TextEnd::IsFinal, {kSampleBytes, engine::kLinesToInfer},
                     batch));
  std::vector<std::string> values;
  std::string topic;
  for (SourceRecord& record : batch.records) {
    engine::ConnectRecord changed{.topic = record.topic, .timestamp_ms = 0};
    engine::TransformChain::Bytes bytes{std::move(record.key), std::move(record.value)};
    const auto is_kept = transforms.apply(changed, bytes);
    if (!is_kept || !*is_kept || !bytes.value) continue;
    if (topic.empty()) topic = changed.topic;
    values.push_back(*std::move(bytes.value));
  }
  if (values.empty()) return std::optional<DeclaredStream>();
  const std::vector<std::string_view> lines(values.begin(), values.end());
  if (const auto columns = engine::infer_json_columns(lines); !columns.empty())
    return std::optional<DeclaredStream>(
        {topic, "JSON", engine::columns_sql(columns), std::move(written)});
  if (source.format != FileFormat::Line) return std::optional<DeclaredStream>();
  return std::optional<DeclaredStream>({topic, "KAFKA", "`LINE` VARCHAR", {}});
}

}  // namespace

std::vector<engine::PropertyRow> FileConnectors::rows(const engine::ConnectorClass& of) const {
  return of.type == engine::ConnectorType::Sink ? engine::file_sink_rows(of)
                                                : engine::file_source_rows(of);
}

std::vector<engine::WrongProperty> FileConnectors::check(
    const engine::ConnectorClass& of, const engine::PropertyValues& values) const {
  if (of.type == engine::ConnectorType::Sink) {
    auto read = engine::read_file_sink(of, values);
    // The class "file" names its files after the topics, so the transforms must not give two topics one name.
    // FileStreamSink writes the lines of all topics, without the topics' names, into one file, so it allows this.
    engine::check_routes_of_objects(values, forms(of, values),
                                    of.is_short() ? read.sink.topics : std::vector<std::string>(),
                                    read.wrong);
    return std::move(read.wrong);
  }
  auto read = engine::read_file_source(of, values);
  if (codec_of_file(read.source.file) != FileCodec::None)
    read.wrong.push_back(
        {"file", fmt::format("{} is a compressed file, which does not grow", read.source.file),
         "Set input.path and input.file.pattern instead of file."});
  if (read.wrong.empty() && read.source.file.empty()) {
    try {
      const std::regex pattern(read.source.pattern);
    } catch (const std::regex_error& error) {
      read.wrong.push_back(
          {"input.file.pattern", fmt::format("property \"input.file.pattern\" is not a regular "
                                             "expression: {}",
                                             error.what())});
    }
  }
  return std::move(read.wrong);
}

std::string_view FileConnectors::guarantee(const engine::ConnectorClass& of) const {
  if (of.type == engine::ConnectorType::Sink && !of.is_short())
    return "exactly once while no other program writes to the file or renames it";
  return of.type == engine::ConnectorType::Sink ? "exactly once, in the order of each partition"
                                                : "exactly once, in the order of each file";
}

Result<std::unique_ptr<Folder>> FileConnectors::folder() const {
  if (directory_.empty())
    return Error{ErrorCode::InvalidParameter,
                 "connectors of files are switched off",
                 {},
                 "Start the server with --connect-files DIR; all files are below DIR."};
  return Folder::open(directory_);
}

Result<SourcePlan> FileConnectors::plan_source(const engine::ConnectorClass& of,
                                               const engine::PropertyValues& values,
                                               const ConnectorOwner& /*owner*/) const {
  const auto opened = TRY(folder());
  const FileSource source = engine::read_file_source(of, values).source;
  SourcePlan plan;
  plan.topics = {source.topic};
  if (values.flag("validate") && source.file.empty()) TRY(opened->open_directory(source.directory));
  if (source.cleanup == engine::FileCleanup::Move ||
      source.cleanup == engine::FileCleanup::MoveByDate)
    TRY(opened->make_directories(source.finished_path));
  if (!source.error_path.empty()) TRY(opened->make_directories(source.error_path));
  // sample_file() is called even if plan.stream is not needed, because it also checks the path of
  // the source. It does not fail if the file does not exist yet.
  const auto sample = sample_file(*opened, source);
  if (!sample && values.flag("validate")) return sample.error();
  if (!source.declares) return plan;
  const auto transforms =
      engine::read_transforms(values.config(), forms(of, values), of.type).chain;
  if (transforms != nullptr && !transforms->is_empty()) {
    if (sample && *sample && !transforms->routes_by_time())
      plan.stream = TRY(transformed_stream(*opened, **sample, source, *transforms));
  } else if (!source.columns.empty()) {
    plan.stream = {source.topic, "JSON", source.columns, source.given_columns};
  } else if (source.format == FileFormat::Line) {
    plan.stream = {source.topic, "KAFKA", "`LINE` VARCHAR", {}};
  } else if (sample && *sample) {
    if (auto columns = TRY(infer_columns(*opened, **sample, source)); !columns.empty())
      plan.stream = {source.topic, "JSON", engine::columns_sql(columns), std::move(columns)};
  }
  if (!plan.stream)
    plan.notices.push_back({false, "no stream was declared, because no file has lines yet",
                            "Set \"columns\", or declare the stream over the topic with CREATE "
                            "STREAM."});
  return plan;
}

Result<std::unique_ptr<SourceReader>> FileConnectors::open_source(
    const engine::ConnectorClass& of, const engine::PropertyValues& values,
    engine::RowColumns columns, const ConnectorOwner& /*owner*/) const {
  auto read = engine::read_file_source(of, values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  return std::unique_ptr<SourceReader>(std::make_unique<FileSourceReader>(
      TRY(folder()), clock_, std::move(read.source), std::move(columns)));
}

std::string FileConnectors::plain_path(const std::string& path) const {
  namespace fs = std::filesystem;
  const fs::path plain = fs::path(path).lexically_normal();
  if (!plain.is_absolute()) return plain.string();
  std::error_code error;
  const fs::path root = fs::canonical(directory_, error);
  return (error ? plain : plain.lexically_relative(root)).string();
}

SinkPlan FileConnectors::plan_sink(const engine::ConnectorClass& of,
                                   const engine::PropertyValues& values) const {
  const engine::FileSink sink = engine::read_file_sink(of, values).sink;
  SinkPlan plan{.topics = sink.topics, .limits = sink.limits, .places = {}};
  if (!sink.file.empty()) {
    plan.places.push_back(plain_path(sink.file));
    return plan;
  }
  for (const std::string& topic : sink.topics)
    plan.places.push_back(
        plain_path(sink.directory + "/" + engine::routed_topic(values, forms(of, values), topic)));
  return plan;
}

Status FileConnectors::check_sink(const engine::ConnectorClass& of,
                                  const engine::PropertyValues& values,
                                  const ConnectorOwner& /*owner*/) const {
  auto opened = TRY(folder());
  if (!values.flag("validate")) return {};
  return make_writer(std::move(opened), engine::read_file_sink(of, values).sink)->start();
}

Result<std::unique_ptr<SinkWriter>> FileConnectors::open_sink(
    const engine::ConnectorClass& of, const engine::PropertyValues& values,
    const ConnectorOwner& /*owner*/) const {
  return make_writer(TRY(folder()), engine::read_file_sink(of, values).sink);
}

}  // namespace server
