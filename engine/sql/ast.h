// The engine's own syntax tree for the whole dialect. ANTLR's tree never leaves this folder.
#pragma once
#include <string>
#include <variant>

#include "engine/sql/ast_access.h"
#include "engine/sql/ast_sequence.h"
#include "engine/sql/ast_session.h"
#include "engine/sql/ast_statement.h"

namespace engine {

using Statement = std::variant<
    CreateSource, CreateAsSelect, DropSource, DropSources, Truncate, AddPrimaryKey, AlterColumns,
    CreateSchema, DropSchemas, CommentOn, Maintain, AlterSource, CreateType, DropType, Query,
    InsertSelect, InsertValues, UpdateRows, DeleteRows, Print, SetProperty, UnsetProperty,
    AlterSystem, DefineVariable, UndefineVariable, RunScript, AssertTopic, AssertSchema, CreateRole,
    AlterRole, DropRole, ChangeRights, ChangeOwner, CreateConnector, AlterConnector, DropConnector,
    ControlConnector, DescribeConnector, CreateLink, DropLink, DescribeLink, Show, DescribeSource,
    DescribeSources, DescribeFunction, Explain, ControlQuery, Transaction, SetSetting,
    SetTransaction, ShowSetting, ResetSetting, Discard, DeclareCursor, FetchCursor, CloseCursor,
    Copy, Prepare, ExecutePrepared, Deallocate, Listen, Unlisten, Notify, CreateSequence,
    AlterSequence, DropSequences, AlterDefault, CreateView, DropViews, RefreshView, RenameRelation,
    ChangeConstraint, AlterTopic, ResetOffsets>;

// The row locks that FOR UPDATE, FOR SHARE and similar clauses of all SELECTs in the statement request.
struct RowLocks {
  enum class Wait : uint8_t { Blocks, NoWait, SkipLocked };
  std::vector<TableName> tables = {};  // read by FROM or named by OF; not resolved yet
  Wait wait = Wait::Blocks;
};

struct ParsedStatement {
  Statement statement;
  // text from the first to the last token; only the command tag if the statement has a password
  std::string text;
  TextPosition start;  // position in the whole script, as are all positions in the statement
  RowLocks row_locks = {};

  // These functions are not inline. Otherwise each source file that needs them would compile one
  // function for each kind of statement.
  ParsedStatement();
  ParsedStatement(Statement statement, std::string text, TextPosition start,
                  RowLocks row_locks = {});
  ParsedStatement(ParsedStatement&& other) noexcept;
  ParsedStatement& operator=(ParsedStatement&& other) noexcept;
  ~ParsedStatement();
};

// Returns the number of parameters, which is the largest n of any $n; 0 without parameters.
int parameter_count(const ParsedStatement& statement);

}  // namespace engine
