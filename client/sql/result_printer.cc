#include "client/sql/result_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "client/sql/text_width.h"

namespace client {

namespace {

// A column of a table is as wide as the widest value in the first rows. Up to kHeldRows rows and
// kHeldBytes bytes are held back to find the widths, so that memory stays bounded. A wider value in
// a later row moves the columns after it to the right.
constexpr size_t kHeldRows = 10'000;
constexpr size_t kHeldBytes = 16 << 20;

// Returns whether psql aligns values of this type to the right.
bool is_number(uint32_t type) {
  constexpr uint32_t kNumbers[] = {20, 21, 23, 26, 28, 29, 700, 701, 790, 1700, 5069};
  return std::ranges::count(kNumbers, type) > 0;
}

class TablePrinter final : public ResultPrinter {
 public:
  explicit TablePrinter(bool rows_only) : rows_only_(rows_only) {}

  void begin(std::vector<ResultColumn> columns) override {
    columns_ = std::move(columns);
    widths_.clear();
    for (ResultColumn& column : columns_) {
      std::ranges::replace(column.name, '\n', ' ');
      widths_.push_back(rows_only_ ? 0 : display_width(column.name));
    }
    has_titles_ = false;
    count_ = held_bytes_ = 0;
  }

  void row(std::span<const Cell> cells) override {
    ++count_;
    std::vector<std::string> row;
    for (const Cell& cell : cells) row.emplace_back(cell.value_or(""));
    if (has_titles_) return print_row(row);
    for (size_t i = 0; i < row.size(); ++i) {
      widths_[i] = std::max(widths_[i], widest_line(row[i]));
      held_bytes_ += row[i].size();
    }
    held_.push_back(std::move(row));
    if (held_.size() >= kHeldRows || held_bytes_ >= kHeldBytes) pause();
  }

  void pause() override {
    if (!has_titles_) print_titles();
    for (const auto& row : held_) print_row(row);
    held_.clear();
    held_bytes_ = 0;
  }

  void end() override {
    pause();
    if (!rows_only_) text_ += fmt::format("({} row{})\n", count_, count_ == 1 ? "" : "s");
    text_ += '\n';
  }

 private:
  static size_t widest_line(std::string_view cell) {
    size_t widest = 0;
    while (!cell.empty()) widest = std::max(widest, display_width(take_line(cell)));
    return widest;
  }

  static std::string_view take_line(std::string_view& cell) {
    const size_t end = cell.find('\n');
    const std::string_view line = cell.substr(0, end);
    cell.remove_prefix(end == cell.npos ? cell.size() : end + 1);
    return line;
  }

  void print_titles() {
    has_titles_ = true;
    if (rows_only_) return;
    std::string rule;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t blanks = widths_[i] - display_width(columns_[i].name);
      text_ += fmt::format("{} {:{}}{}{:{}} ", i > 0 ? "|" : "", "", blanks / 2, columns_[i].name,
                           "", blanks - blanks / 2);
      rule += fmt::format("{}{:-<{}}", i > 0 ? "+" : "", "", widths_[i] + 2);
    }
    text_ += '\n' + (columns_.empty() ? "--" : rule) + '\n';
  }

  // Prints a row. A cell with several lines continues in the lines below; a "+" ends each line that
  // continues.
  void print_row(const std::vector<std::string>& row) {
    std::vector<std::string_view> left(row.begin(), row.end());
    for (bool is_first = true;
         is_first || std::ranges::any_of(left, [](auto cell) { return !cell.empty(); });
         is_first = false) {
      for (size_t i = 0; i < left.size(); ++i) {
        const std::string_view line = take_line(left[i]);
        const size_t width = display_width(line);
        const size_t blanks = widths_[i] > width ? widths_[i] - width : 0;
        const bool goes_on = !left[i].empty(), is_last = i + 1 == left.size();
        const bool is_right = is_number(columns_[i].type);
        text_ += fmt::format("{} {:{}}{}", i > 0 ? "|" : "", "", is_right ? blanks : 0, line);
        if (!is_right && (!is_last || goes_on)) text_.append(blanks, ' ');
        if (goes_on) text_ += '+';
        if (!goes_on && !is_last) text_ += ' ';
      }
      text_ += '\n';
    }
  }

  const bool rows_only_;
  std::vector<ResultColumn> columns_;
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> held_;
  size_t held_bytes_ = 0, count_ = 0;
  bool has_titles_ = false;
};

class CsvPrinter final : public ResultPrinter {
 public:
  explicit CsvPrinter(bool rows_only) : rows_only_(rows_only) {}

  void begin(std::vector<ResultColumn> columns) override {
    if (rows_only_) return;
    std::vector<Cell> titles;
    for (const ResultColumn& column : columns) titles.emplace_back(column.name);
    row(titles);
  }

  void row(std::span<const Cell> cells) override {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text_ += ',';
      if (cells[i]) add(*cells[i]);
    }
    text_ += '\n';
  }

  void end() override {}

 private:
  // Quotes values as psql does. It also quotes \., because a line with only \. would end the data
  // of a COPY.
  void add(std::string_view value) {
    if (value.find_first_of(",\"\r\n") == value.npos && value != "\\.") {
      text_ += value;
      return;
    }
    text_ += csv_quoted(value);
  }

  const bool rows_only_;
};

class JsonPrinter final : public ResultPrinter {
 public:
  void begin(std::vector<ResultColumn> columns) override {
    columns_ = std::move(columns);
    names_.clear();
    for (const ResultColumn& column : columns_) names_.push_back(to_json(column.name, 0));
  }

  void row(std::span<const Cell> cells) override {
    text_ += '{';
    for (size_t i = 0; i < cells.size(); ++i)
      text_ +=
          fmt::format("{}{}:{}", i > 0 ? "," : "", names_[i], to_json(cells[i], columns_[i].type));
    text_ += "}\n";
  }

  void end() override {}

 private:
  std::vector<ResultColumn> columns_;
  std::vector<std::string> names_;
};

constexpr std::pair<std::string_view, ResultFormat> kFormats[] = {
    {"table", ResultFormat::Table}, {"csv", ResultFormat::Csv}, {"json", ResultFormat::Json}};

}  // namespace

std::string csv_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

Result<ResultFormat> parse_result_format(std::string_view name) {
  for (const auto& [known, format] : kFormats)
    if (known == name) return format;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("there is no format \"{}\"", name),
               {},
               "The formats are table, csv and json."};
}

std::unique_ptr<ResultPrinter> make_result_printer(ResultFormat format, bool rows_only) {
  switch (format) {
    case ResultFormat::Table:
      return std::make_unique<TablePrinter>(rows_only);
    case ResultFormat::Csv:
      return std::make_unique<CsvPrinter>(rows_only);
    case ResultFormat::Json:
      break;
  }
  return std::make_unique<JsonPrinter>();
}

}  // namespace client
