// The statements of the dialect, and the other statements of PostgreSQL clients. One statement at a
// time: engine/sql/parse.cc splits a script at its semicolons.
parser grammar MillraceParser;

options { tokenVocab = MillraceLexer; }

@parser::members {
  // The grammar as serialized by the tool, for recognizers with tables of their own.
  const std::vector<uint16_t> getSerializedATN() const override { return _serializedATN; }
}

singleStatement  : statement EOF;
singleExpression : expression EOF;
singleType       : type EOF;

statement
    : query | valueRows
    | createSource | dropSource | alterSource | createType | dropType
    | createView | dropView | renameRelation
    | insert | print
    | setProperty | unsetProperty | alterSystem | defineVariable | undefineVariable | runScript
    | assertTopic | assertSchema
    | createRole | alterRole | dropRole | changeRights | changeOwner
    | createConnector | alterConnector | dropConnector | controlConnector
    | createLink | dropLink | alterTopic | resetOffsets
    | show | describe | explain | controlQuery
    | transaction | setSetting | showSetting | resetSetting | discard
    | declareCursor | fetchCursor | closeCursor
    | copy
    | prepare | execute | deallocate
    | listen | unlisten | notify
    ;

// ---- Sources and types

// One rule with and without AS, because two rules would make the parser look ahead over the whole list of columns. The
// builder refuses column definitions and SOURCE together with AS, and a schema without AS: PostgreSQL's parser takes
// that form.
createSource
    : CREATE (OR REPLACE)? SOURCE? kind=(STREAM | TABLE) ifNotExists? (schema=identifier DOT)? name=identifier
      tableElements? properties? (AS (query | LPAREN query RPAREN))?
    ;

ifNotExists : IF NOT EXISTS;
ifExists    : IF EXISTS;

tableElements : LPAREN tableElement (COMMA tableElement)* RPAREN;
tableElement  : name=identifier type columnConstraint?;
columnConstraint
    : PRIMARY? KEY
    | HEADERS
    | HEADER LPAREN string RPAREN
    ;

properties : WITH LPAREN property (COMMA property)* RPAREN;
property   : propertyName EQ literal;
propertyName : identifier | string;

dropSource
    : DROP kind=(STREAM | TABLE) ifExists? name=identifier (DELETE TOPIC)?
    ;
alterSource
    : ALTER kind=(STREAM | TABLE) name=identifier alterOption (COMMA alterOption)*
    ;
alterOption : ADD COLUMN? name=identifier type;

createType : CREATE TYPE ifNotExists? name=identifier AS type;
dropType   : DROP TYPE ifExists? name=identifier;

createView
    : CREATE (OR REPLACE)? VIEW (schema=identifier DOT)? name=identifier (LPAREN columns=names RPAREN)?
      AS (query | LPAREN query RPAREN)
    ;
dropView : DROP VIEW ifExists? name=identifier;
renameRelation
    : ALTER kind=(STREAM | TABLE | VIEW) ifExists? name=identifier RENAME TO newName=identifier
    ;

// ---- Queries

// No expression begins with its first word, so the parser knows at once what brackets contain.
query
    : withClause? queryBody moreRows*
      (ORDER BY orderItem (COMMA orderItem)*)?
      (EMIT emit=(CHANGES | FINAL))?
      (LIMIT limit=rowCount)?
      (OFFSET offset=rowCount)?
    ;
withClause  : WITH RECURSIVE? commonTable (COMMA commonTable)*;
commonTable : name=identifier (LPAREN columns=names RPAREN)? AS LPAREN (query | valueRows) RPAREN;
moreRows    : op=(UNION | INTERSECT | EXCEPT) (ALL | DISTINCT)? (queryBody | LPAREN query RPAREN);
queryBody
    : SELECT (ALL | DISTINCT)? selectItem (COMMA selectItem)*
      (FROM fromSource join*)?
      (WINDOW window)?
      (WHERE where=expression)?
      (GROUP BY groupBy=expressionGroup)?
      (PARTITION BY partitionBy=expressionGroup)?
      (HAVING having=expression)?
    ;
valueRows : VALUES row (COMMA row)*;

// `expression->*` is an expression here; the builder takes it apart.
selectItem
    : ASTERISK
    | source=identifier DOT ASTERISK
    | expression (AS alias=identifier | bareAlias)?
    ;

fromSource
    : aliasedSource
    | LPAREN (query | valueRows) RPAREN AS? alias=identifier (LPAREN columns=names RPAREN)?
    | recordsCall
    ;
// RECORDS(...) of a query with EMIT. The builder refuses all other calls, which PostgreSQL's parser takes.
recordsCall : function=identifier LPAREN argument (COMMA argument)* RPAREN (AS alias=identifier | bareAlias)?;
aliasedSource : (schema=identifier DOT)? name=identifier (AS alias=identifier | bareAlias)?;

join
    : (INNER? | kind=(LEFT | RIGHT | FULL) OUTER?) JOIN fromSource (WITHIN within)?
      (ON expression | USING LPAREN names RPAREN)
    | (CROSS JOIN | COMMA) fromSource
    ;
within
    : (before=duration | LPAREN before=duration COMMA after=duration RPAREN) gracePeriod?
    ;

// ksqlDB accepts a name for a window, and never uses it.
window
    : identifier? TUMBLING LPAREN SIZE size=duration windowEnd RPAREN
    | identifier? HOPPING LPAREN SIZE size=duration COMMA ADVANCE BY advance=duration windowEnd RPAREN
    | identifier? SESSION LPAREN size=duration windowEnd RPAREN
    ;
windowEnd   : (COMMA RETENTION retention=duration)? (COMMA gracePeriod)?;
gracePeriod : GRACE PERIOD duration;
duration    : INTEGER_VALUE timeUnit;

timeUnit
    : MILLISECOND | MILLISECONDS | SECOND | SECONDS | MINUTE | MINUTES | HOUR | HOURS
    | DAY | DAYS | WEEK | WEEKS | MONTH | MONTHS | YEAR | YEARS
    ;

// Values, not conditions: GROUP BY a AND b is a mistake that must be reported. A single group may
// be in brackets, like the tuple below.
expressionGroup : value (COMMA value)* | LPAREN RPAREN;

orderItem : expression direction=(ASC | DESC)? (NULLS nulls=(FIRST | LAST))?;
rowCount  : number | PARAMETER | ALL;  // the builder checks that it is whole

// ---- Rows

insert
    : INSERT INTO name=identifier properties? query
    | INSERT INTO name=identifier (LPAREN columns=names RPAREN)? VALUES row (COMMA row)*
    ;
row   : LPAREN expression (COMMA expression)* RPAREN;
names : identifier (COMMA identifier)*;

print
    : PRINT (topic=identifier | string) (FROM (LINK link=identifier (FROM BEGINNING)? | BEGINNING))? ((INTERVAL | SAMPLE) interval=INTEGER_VALUE)?
      (LIMIT limit=INTEGER_VALUE)?
    ;

// ---- Properties, variables, assertions, connectors

setProperty      : SET string EQ string;
unsetProperty    : UNSET string;
alterSystem      : ALTER SYSTEM string EQ string;
defineVariable   : DEFINE identifier EQ string;
undefineVariable : UNDEFINE identifier;
runScript        : RUN SCRIPT string;

assertTopic
    : ASSERT (NOT EXISTS)? TOPIC (identifier | string) properties? (TIMEOUT duration)?
    ;
assertSchema
    : ASSERT (NOT EXISTS)? SCHEMA (SUBJECT (identifier | string))? (ID id=INTEGER_VALUE)?
      (TIMEOUT duration)?
    ;

createConnector
    : CREATE (OR REPLACE)? kind=(SOURCE | SINK) CONNECTOR ifNotExists? name=identifier properties
    ;
alterConnector
    : ALTER CONNECTOR ifExists? name=identifier action=SET LPAREN property (COMMA property)* RPAREN
    | ALTER CONNECTOR ifExists? name=identifier action=RESET LPAREN propertyName (COMMA propertyName)* RPAREN
    | ALTER CONNECTOR ifExists? name=identifier action=SNAPSHOT (string (COMMA string)*)?
    | ALTER CONNECTOR ifExists? name=identifier action=(SET | RESET) OFFSETS string?
    | ALTER CONNECTOR ifExists? name=identifier action=OWNER TO owner=identifier
    ;
dropConnector    : DROP CONNECTOR ifExists? name=identifier;
controlConnector
    : action=(PAUSE | RESUME | STOP | RESTART) CONNECTOR name=identifier (TASK task=INTEGER_VALUE)?
    ;

// The builder checks that `word` is FILE.
createLink
    : CREATE (OR REPLACE)? LINK ifNotExists? name=identifier (properties | FROM word=identifier string)
    ;
dropLink : DROP LINK ifExists? name=identifier;

// ---- Topics and consumer groups. The builder checks the words that are no keywords.

alterTopic
    : ALTER TOPIC topicName action=SET LPAREN property (COMMA property)* RPAREN
    | ALTER TOPIC topicName action=RESET LPAREN propertyName (COMMA propertyName)* RPAREN
    ;
resetOffsets
    : ALTER CONSUMER GROUP group=topicName RESET OFFSETS (FOR resetTopic (COMMA resetTopic)*)? resetTarget
      (dry=identifier RUN)?
    ;
resetTopic  : TOPIC topicName (PARTITION LPAREN INTEGER_VALUE (COMMA INTEGER_VALUE)* RPAREN)?;
resetTarget
    : TO OFFSET number
    | TO TIMESTAMP string
    | TO GROUP other=topicName
    | TO place=identifier      // EARLIEST or LATEST
    | shift=identifier BY number  // SHIFT BY
    ;

// ---- Users and their rights. The builder checks the words of options and rights.

createRole : CREATE kind=(USER | ROLE) name=identifier WITH? roleOption*;
alterRole  : ALTER kind=(USER | ROLE) name=identifier WITH? roleOption+;
roleOption : identifier (string | NULL_)?;
dropRole   : DROP (USER | ROLE) ifExists? names;

changeRights
    : GRANT privilege (COMMA privilege)* (ON rightsTarget)? TO names (WITH identifier identifier)?
    | REVOKE privilege (COMMA privilege)* (ON rightsTarget)? FROM names
    ;
privilege        : ALL identifier? | SELECT | CREATE (CONNECTOR | LINK)? | identifier;
rightsTarget
    : ALL kind=(STREAMS | TABLES | TOPICS)? (IN SCHEMA identifier)?
    | kind=(STREAM | TABLE)? names
    | kind=TOPIC topicName (COMMA topicName)*
    ;
topicName    : identifier | string;
changeOwner  : ALTER (STREAM | TABLE) name=identifier OWNER TO owner=identifier;

// ---- Inspection and control

show
    : (SHOW | LIST) ALL? what=TOPICS EXTENDED?
    | (SHOW | LIST) ALL? what=TOPICS FROM LINK link=identifier (LIKE pattern=string)?
    | (SHOW | LIST) what=LINKS
    | (SHOW | LIST) what=(STREAMS | TABLES | QUERIES) EXTENDED?
    | (SHOW | LIST) what=(CLUSTER | FUNCTIONS | PROPERTIES | SCHEMAS | SERVER | TASKS | TYPES | VARIABLES)
    | (SHOW | LIST) kind=(SOURCE | SINK)? what=CONNECTORS
    | (SHOW | LIST) CONNECTOR what=(PLUGINS | TASKS)
    | (SHOW | LIST) CONSUMER what=GROUPS
    | (SHOW | LIST) CONSUMER what=LAG (FOR (group=identifier | groupText=string))?
    ;
describe
    : DESCRIBE what=(STREAMS | TABLES) EXTENDED?
    | DESCRIBE what=FUNCTION name=identifier
    | DESCRIBE what=(CONNECTOR | LINK) name=identifier
    | DESCRIBE name=identifier EXTENDED?
    | DESCRIBE EXTENDED name=identifier  // the syntax of KSQL
    ;
explain
    : EXPLAIN ANALYZE? (LPAREN option=identifier choice=identifier RPAREN)?
      (statement | name=identifier)
    ;
controlQuery : action=(TERMINATE | PAUSE | RESUME) (ALL | name=identifier);

// ---- Statements of PostgreSQL clients: transactions and settings

transaction
    : action=BEGIN (WORK | TRANSACTION)? transactionModes?
    | action=START TRANSACTION transactionModes?
    | action=(COMMIT | END | ROLLBACK | ABORT) (WORK | TRANSACTION)? (AND NO? CHAIN)?
    | action=ROLLBACK (WORK | TRANSACTION)? TO SAVEPOINT? name=identifier
    | action=SAVEPOINT name=identifier
    | action=RELEASE SAVEPOINT? name=identifier
    ;
transactionModes : (identifier | NOT | COMMA)+;

setSetting
    : SET scope=(SESSION | LOCAL)? settingName (EQ | TO) settingValue (COMMA settingValue)*
    | SET scope=(SESSION | LOCAL)? special=TIME ZONE settingValue
    | SET special=NAMES settingValue
    | SET SESSION special=CHARACTERISTICS AS TRANSACTION transactionModes
    | SET special=TRANSACTION transactionModes
    | SET SESSION special=AUTHORIZATION settingValue
    ;
showSetting  : SHOW setting;
resetSetting : RESET setting;
setting
    : ALL
    | special=TIME ZONE
    | special=TRANSACTION ISOLATION LEVEL
    | SESSION special=AUTHORIZATION
    | settingName
    ;
settingName  : identifier (DOT identifier)*;
settingValue : string | number | identifier | TRUE_ | FALSE_ | ON;

discard : DISCARD what=(ALL | PLANS | SEQUENCES | TEMP | TEMPORARY);

// ---- Cursors, COPY, prepared statements, notifications

declareCursor
    : DECLARE name=identifier cursorOption* CURSOR ((WITH | WITHOUT) HOLD)? FOR query
    ;
cursorOption : BINARY | ASENSITIVE | INSENSITIVE | NO? SCROLL;

fetchCursor : (FETCH | MOVE) (fetchDirection (FROM | IN)? | FROM | IN)? name=identifier;
fetchDirection
    : direction=(NEXT | PRIOR | FIRST | LAST)
    | direction=(ABSOLUTE | RELATIVE) signedInteger
    | direction=(FORWARD | BACKWARD)? (signedInteger | ALL)
    | direction=(FORWARD | BACKWARD)
    ;
signedInteger : MINUS? INTEGER_VALUE;
closeCursor   : CLOSE (ALL | name=identifier);

copy
    : COPY (source=aliasedSource (LPAREN columns=names RPAREN)? | LPAREN query RPAREN)
      direction=(FROM | TO) (STDIN | STDOUT | PROGRAM? file=string) WITH? copyOptions?
    ;
copyOptions : LPAREN copyOption (COMMA copyOption)* RPAREN | oldCopyOption+;
copyOption  : (identifier | NULL_) copyValue?;
copyValue
    : string | number | identifier | TRUE_ | FALSE_ | ON
    | ASTERISK
    | LPAREN names RPAREN
    ;
oldCopyOption
    : option=(BINARY | CSV | HEADER | FREEZE)
    | option=(DELIMITER | DELIMITERS | NULL_ | QUOTE | ESCAPE | ENCODING) AS? string
    | option=FORCE (QUOTE | NOT? NULL_) (names | ASTERISK)
    ;

prepare    : PREPARE name=identifier (LPAREN type (COMMA type)* RPAREN)? AS statement;
execute    : EXECUTE name=identifier (LPAREN expression (COMMA expression)* RPAREN)?;
deallocate : DEALLOCATE PREPARE? (ALL | name=identifier);

listen   : LISTEN identifier;
unlisten : UNLISTEN (ASTERISK | identifier);
notify   : NOTIFY identifier (COMMA string)?;

// ---- Expressions, loosest binding last
//
// No rule here, nor above, needs to look ahead over a whole expression to choose its alternative:
// that would cost a bracketed text quadratic time, and memory in ANTLR's caches that never shrinks.
// So brackets with one or with several expressions are one alternative (only GROUP BY and
// PARTITION BY take several, the builder refuses others).

expression
    : value predicate?                                                    # predicated
    | NOT expression                                                      # notExpression
    | left=expression AND right=expression                                # andExpression
    | left=expression OR right=expression                                 # orExpression
    ;

predicate
    : op=(EQ | NEQ | LT | LTE | GT | GTE) right=value                     # comparison
    | IS NOT? DISTINCT FROM right=value                                   # distinctFrom
    | IS NOT? NULL_                                                       # isNull
    | NOT? BETWEEN lower=value AND upper=value                            # between
    | NOT? IN LPAREN (query | expression (COMMA expression)*) RPAREN      # in
    | NOT? LIKE pattern=value (ESCAPE string)?                            # like
    ;

value
    : value ARROW (identifier | star=ASTERISK)                            # dereference
    | value LBRACKET expression RBRACKET                                  # subscript
    | value TYPECAST type                                                 # typecast
    | value AT TIME ZONE zone=value                                       # atTimeZone
    | sign=(PLUS | MINUS) value                                           # signed
    | left=value op=(ASTERISK | SLASH | PERCENT) right=value              # arithmetic
    | left=value op=(PLUS | MINUS) right=value                            # arithmetic
    | left=value op=CONCAT right=value                                    # arithmetic
    | NULL_                                                               # nullLiteral
    | (TRUE_ | FALSE_)                                                    # booleanLiteral
    | (INTEGER_VALUE | DECIMAL_VALUE | FLOATING_VALUE)                    # numberLiteral
    | string                                                              # stringLiteral
    | PARAMETER                                                           # parameter
    | LPAREN expression (COMMA expression)* RPAREN                        # parenthesized
    | LPAREN query RPAREN                                                 # scalarSubquery
    | EXISTS LPAREN query RPAREN                                          # exists
    | CASE operand=expression? caseBranch+ (ELSE otherwise=expression)? END   # case
    | CAST LPAREN expression AS type RPAREN                               # cast
    | ARRAY_BEGIN (expression (COMMA expression)*)? RBRACKET              # arrayConstructor
    | MAP LPAREN (mapEntry (COMMA mapEntry)*)? RPAREN                     # mapConstructor
    | STRUCT LPAREN (structField (COMMA structField)*)? RPAREN            # structConstructor
    | (schema=identifier DOT)? name=functionName LPAREN
      (ASTERISK | DISTINCT? argument (COMMA argument)* | query)? RPAREN   # functionCall
    | (source=identifier DOT)? name=identifier                            # columnReference
    ;

caseBranch  : WHEN when=expression THEN then=expression;
mapEntry    : key=expression ASSIGN entry=expression;
structField : name=identifier ASSIGN expression;

argument : timeUnit | lambda | expression;
lambda
    : identifier LAMBDA expression
    | LPAREN names RPAREN LAMBDA expression
    ;

literal : string | number | NULL_ | TRUE_ | FALSE_;
number  : MINUS? (INTEGER_VALUE | DECIMAL_VALUE | FLOATING_VALUE);
string  : STRING_VALUE | ESCAPED_STRING_VALUE;

// ---- Types and names

type
    : type ARRAY
    | type LBRACKET RBRACKET
    | ARRAY LT type GT
    | MAP LT type COMMA type GT
    | STRUCT LT (structTypeField (COMMA structTypeField)*)? GT
    | STRUCT NEQ
    | DOUBLE PRECISION
    | CHARACTER VARYING (LPAREN typeParameter RPAREN)?
    | (TIME | TIMESTAMP) (WITH | WITHOUT) TIME ZONE
    | name=identifier (LPAREN typeParameter (COMMA typeParameter)* RPAREN)?
    ;
structTypeField : identifier type;
typeParameter   : INTEGER_VALUE | STRING;

identifier
    : bareName
    | joiningWord
    ;

// An alias without AS: excludes the words that may follow the named item.
bareAlias : bareName;
bareName
    : IDENTIFIER
    | DIGIT_IDENTIFIER
    | QUOTED_IDENTIFIER
    | BACKQUOTED_IDENTIFIER
    | ARRAY | MAP | STRUCT
    | nonReserved
    ;
joiningWord : CROSS | EXCEPT | INTERSECT | UNION | USING;

// Excludes the constructors: MAP( always begins one.
functionName
    : IDENTIFIER
    | DIGIT_IDENTIFIER
    | QUOTED_IDENTIFIER
    | BACKQUOTED_IDENTIFIER
    | nonReserved
    ;

nonReserved
    : ABORT | ABSOLUTE | ADD | ADVANCE | ALTER | ANALYZE | ASC | ASENSITIVE | ASSERT | AT
    | AUTHORIZATION | BACKWARD | BEGIN | BEGINNING | BINARY | BY | CHAIN | CHANGES | CHARACTER
    | CHARACTERISTICS | CLOSE | CLUSTER | COLUMN | COLUMNS | COMMIT | CONNECTOR | CONNECTORS | CONSUMER | COPY | CSV
    | CURSOR | DATE | DAY | DAYS | DEALLOCATE | DECIMAL | DECLARE | DEFAULT | DEFINE | DELETE
    | DELIMITER | DELIMITERS | DESC | DESCRIBE | DISCARD | DOUBLE | DROP | EMIT | ENCODING | ESCAPE
    | EXECUTE | EXPLAIN | EXTENDED | FETCH | FINAL | FIRST | FOR | FORCE | FORMAT | FORWARD
    | FREEZE | FUNCTION | FUNCTIONS | GRACE | GRANT | GROUPS | HEADER | HEADERS | HOLD | HOPPING | HOUR | HOURS
    | ID | IF | INSENSITIVE | INSERT | INTEGER | INTERVAL | ISOLATION | KEY | LAG | LAST | LEVEL | LINK | LINKS | LIST | LISTEN
    | LOCAL | MILLISECOND | MILLISECONDS | MINUTE | MINUTES | MONTH | MONTHS | MOVE | NAMES
    | NEXT | NO | NOTIFY | NULLS | OFFSET | OFFSETS | ORDER | OWNER | PARTITION | PARTITIONS | PAUSE | PERIOD
    | PLANS | PLUGINS | PRECISION | PREPARE | PRIMARY | PRINT | PRIOR | PROGRAM | PROPERTIES
    | QUERIES | QUOTE | RECURSIVE | RELATIVE | RELEASE | RENAME | REPLACE | RESET | RESTART | RESUME | RETENTION | REVOKE | ROLE | ROLLBACK | RUN
    | SAMPLE | SAVEPOINT | SCHEMA | SCHEMAS | SCRIPT | SCROLL | SECOND | SECONDS | SEQUENCES | SERVER | SESSION
    | SET     | SHOW | SINK | SIZE | SNAPSHOT | SOURCE | START | STDIN | STDOUT | STOP | STREAM | STREAMS | STRING | SUBJECT
    | SYSTEM | TABLES | TASK | TASKS | TEMP | TEMPORARY | TERMINATE | TIME | TIMEOUT | TIMESTAMP | TO | TOPIC
    | TOPICS | TRANSACTION | TUMBLING | TYPE | TYPES | UNDEFINE | UNLISTEN | UNSET | USER | VALUES | VARIABLES
    | VARYING | VIEW | WEEK | WEEKS | WITHIN | WITHOUT | WORK | YEAR | YEARS | ZONE
    ;
