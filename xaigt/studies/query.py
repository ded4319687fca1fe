"""SQL over the Parquet files of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xaigt.studies.errors import StudyError
from xaigt.studies.folder import ANALYSIS, TABLES, StudyFolder

if TYPE_CHECKING:
    import pandas


def views(folder: StudyFolder) -> dict[str, str]:
    """Name of each table for SQL, and its file: ``cells``, ``scores`` ..., ``main_contrasts`` of the analysis."""
    found = {path.stem: str(path) for path in sorted((folder.path / TABLES).glob("*.parquet"))}
    for path in sorted((folder.path / ANALYSIS).glob("*/*.parquet")):
        found[f"{path.parent.name}_{path.stem}"] = str(path)
    for path in sorted((folder.path / ANALYSIS).glob("*.parquet")):
        found[path.stem] = str(path)
    return found


def query(folder: StudyFolder, sql: str) -> pandas.DataFrame:
    """Answer a query.

    Parameters
    ----------
    sql
        In DuckDB's dialect; it can read the tables of the study and nothing else, and change nothing.

    Raises
    ------
    StudyError
        If there are no tables yet, or the query is wrong.
    """
    import duckdb

    known = views(folder)
    if not known:
        raise StudyError(f"{folder.path}: has no tables yet; run the study first.")
    connection = duckdb.connect()
    try:
        for name, file in known.items():
            literal = file.replace("'", "''")
            connection.execute(f"create table \"{name}\" as select * from read_parquet('{literal}')")
        connection.execute("set enable_external_access = false")
        return connection.execute(sql).df()
    except duckdb.Error as error:
        reason = str(error).split("\n\n")[0].replace("\n", " ")
        raise StudyError(f"the query failed: {reason}. Tables: {', '.join(known)}.") from None
    finally:
        connection.close()
