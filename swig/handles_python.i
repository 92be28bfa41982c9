/*
 * Python: handles are capsules, failures are exceptions, ids are str, durations are seconds or timedelta.
 * The GIL is kept, except in %blocking functions; those end when a signal handler of Python raises.
 */
%nothread;

%define %blocking(fn)
%thread fn;
%exception fn {
    leaselock_interrupt_hook outer = leaselock_interrupt_hook_swap(ll_signal_hook);
    $action
    leaselock_interrupt_hook_swap(outer);
}
%enddef

%{
#include <unistd.h>

/* ---- failures ---- */

static PyObject *ll_exception_for; /* errors.py's: makes the exception of a code */

static void ll_set_exception_for(PyObject *function)
{
    Py_INCREF(function);
    Py_XDECREF(ll_exception_for);
    ll_exception_for = function;
}

/* [(name, code, class)] of error.def. */
static PyObject *ll_error_table(void)
{
    static const struct {
        const char *name;
        int code;
        const char *exception;
    } rows[] = {
#define LEASELOCK_ERROR(name, value, message, exception) {#name, (value), #exception},
#include "leaselock/error.def"
#undef LEASELOCK_ERROR
    };
    size_t count = sizeof rows / sizeof *rows;
    PyObject *table = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; table && i < count; i++) {
        PyObject *row = Py_BuildValue("(sis)", rows[i].name, rows[i].code, rows[i].exception);
        if (!row)
            Py_CLEAR(table);
        else
            PyList_SetItem(table, (Py_ssize_t)i, row);
    }
    return table;
}

/* Text of a database need not be UTF-8. NULL becomes None. */
static PyObject *ll_decode(const char *text)
{
    if (!text)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static void ll_raise_record(const leaselock_error *record)
{
    PyObject *message = ll_decode(record->message);
    PyObject *resource = ll_decode(record->resource), *holder = ll_decode(record->holder);
    PyObject *exception =
        PyObject_CallFunction(ll_exception_for, "iNisNNLL", record->code, message, record->native_code,
                              record->sqlstate, resource, holder, (long long)record->sequence,
                              (long long)record->remaining_ms);
    if (exception)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
}

static void ll_raise(leaselock_status status)
{
    /* Copied before anything is allocated: a finaliser may call the library in between. */
    leaselock_error record = *leaselock_error_last();
    if (record.code != status) {
        memset(&record, 0, sizeof record);
        record.code = status;
        snprintf(record.message, sizeof record.message, "%s", leaselock_error_text(status));
    }
    ll_raise_record(&record);
}

/* A value that no call takes, found before the library sees it. */
static void ll_refuse(const char *name, const char *why)
{
    leaselock_error record = {.code = LEASELOCK_INVALID};
    snprintf(record.message, sizeof record.message, "%s %s", name, why);
    ll_raise_record(&record);
}

static void ll_refuse_type(const char *name, const char *expected, PyObject *given)
{
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %R", name, expected, (PyObject *)Py_TYPE(given));
}

/* ---- waits ---- */

/* Non-zero, with the exception set, once a signal handler of Python has raised. */
static int ll_check_signals(void *payload)
{
    (void)payload;
    /* Python runs handlers on the main thread alone. Others stay away from the GIL here: when the interpreter ends,
       taking it would end the thread inside the library. */
    if (gettid() != getpid())
        return 0;
    PyGILState_STATE gil = PyGILState_Ensure();
    int raised = PyErr_CheckSignals();
    PyGILState_Release(gil);
    return raised;
}

static const leaselock_interrupt_hook ll_signal_hook = {ll_check_signals, NULL};

/* ---- values ---- */

static const char *ll_text(PyObject *object, const char *name, const char *expected)
{
    if (!PyUnicode_Check(object)) {
        ll_refuse_type(name, expected, object);
        return NULL;
    }
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(object, &length);
    if (!text) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
            ll_refuse(name, "has a lone surrogate: it cannot be written as UTF-8");
        }
        return NULL;
    }
    if ((size_t)length != strlen(text)) {
        ll_refuse(name, "contains a NUL character");
        return NULL;
    }
    return text;
}

static bool ll_integer(PyObject *object, const char *name, int64_t *value)
{
    PyObject *exact = PyBool_Check(object) || !PyIndex_Check(object) ? NULL : PyNumber_Index(object);
    if (!exact) {
        if (!PyErr_Occurred())
            ll_refuse_type(name, "int", object);
        return false;
    }
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(exact, &overflow);
    Py_DECREF(exact);
    if (overflow)
        ll_refuse(name, "is out of range");
    return !overflow && !PyErr_Occurred();
}

static bool ll_real(PyObject *object, const char *name, const char *expected, double *value)
{
    if (PyBool_Check(object) || !(PyFloat_Check(object) || PyNumber_Check(object))) {
        ll_refuse_type(name, expected, object);
        return false;
    }
    *value = PyFloat_AsDouble(object);
    if (!PyErr_Occurred())
        return true;
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        ll_refuse(name, "is out of range");
    }
    return false;
}

static bool ll_seconds(PyObject *object, const char *name, double *seconds)
{
    static const char expected[] = "seconds (int or float) or a timedelta";
    if (PyFloat_Check(object) || PyLong_Check(object) || !PyObject_HasAttrString(object, "total_seconds"))
        return ll_real(object, name, expected, seconds);
    PyObject *total = PyObject_CallMethod(object, "total_seconds", NULL);
    bool done = total && ll_real(total, name, expected, seconds);
    Py_XDECREF(total);
    return done;
}

/* Whole milliseconds, at least 1 where it is more than 0; LEASELOCK_FOREVER for infinity. */
static bool ll_milliseconds(PyObject *object, const char *name, int64_t *ms)
{
    double seconds;
    if (!ll_seconds(object, name, &seconds))
        return false;
    if (isnan(seconds) || seconds < 0) {
        ll_refuse(name, isnan(seconds) ? "is not a number" : "is negative");
        return false;
    }
    double rounded = round(seconds * 1000.0);
    if (isinf(seconds))
        *ms = LEASELOCK_FOREVER;
    else if (seconds > 0 && rounded < 1)
        *ms = 1;
    else
        *ms = rounded < 9223372036854775808.0 ? (int64_t)rounded : INT64_MAX;
    return true;
}

static bool ll_ttl_from(PyObject *object, const char *name, int64_t *ms)
{
    if (!ll_milliseconds(object, name, ms))
        return false;
    if (*ms > 0)
        return true;
    ll_refuse(name, *ms == 0 ? "is zero" : "is endless");
    return false;
}

static bool ll_delay_from(PyObject *object, const char *name, int64_t *ms)
{
    if (!ll_milliseconds(object, name, ms))
        return false;
    if (*ms != LEASELOCK_FOREVER)
        return true;
    ll_refuse(name, "is endless");
    return false;
}

/* ---- a backoff written in Python; what it raises stays set until the obtain is back in Python ---- */

static leaselock_status ll_slot_start(void *payload)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *answer = PyObject_CallMethod(payload, "start", NULL);
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return answer ? LEASELOCK_OK : LEASELOCK_CALLBACK;
}

static leaselock_status ll_slot_next(void *payload, int64_t *delay_ms)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *answer = PyObject_CallMethod(payload, "next", NULL);
    bool done = answer != NULL;
    if (answer == Py_None)
        *delay_ms = LEASELOCK_BACKOFF_END;
    else if (answer)
        done = ll_delay_from(answer, "the backoff's next()", delay_ms);
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return done ? LEASELOCK_OK : LEASELOCK_CALLBACK;
}

static leaselock_status ll_slot_count(PyObject *backoff, const char *method, int64_t *count)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *answer = PyObject_CallMethod(backoff, method, NULL);
    bool done = answer && ll_integer(answer, method, count);
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return done ? LEASELOCK_OK : LEASELOCK_CALLBACK;
}

static leaselock_status ll_slot_attempts(void *payload, int64_t *count)
{
    return ll_slot_count(payload, "attempts", count);
}

static leaselock_status ll_slot_max_attempts(void *payload, int64_t *count)
{
    return ll_slot_count(payload, "max_attempts", count);
}

static void ll_slot_free(void *payload)
{
    Py_DECREF((PyObject *)payload);
}

static void leaselock_backoff_capsule_free(PyObject *capsule);

/* The handle of an object that has start, next, attempts and max_attempts. */
static PyObject *ll_backoff_new_custom(PyObject *object)
{
    leaselock_backoff_slots slots = {sizeof slots,     object,               ll_slot_start, ll_slot_next,
                                     ll_slot_attempts, ll_slot_max_attempts, ll_slot_free};
    leaselock_backoff *backoff;
    leaselock_status status = leaselock_backoff_new_custom(&slots, &backoff);
    if (status != LEASELOCK_OK) {
        ll_raise(status);
        return NULL;
    }
    Py_INCREF(object);
    PyObject *capsule = PyCapsule_New(backoff, "leaselock_backoff", leaselock_backoff_capsule_free);
    if (!capsule)
        leaselock_backoff_free(backoff);
    return capsule;
}
%}

/* A capsule's destructor keeps the GIL: a free waits for nobody. An OUT that did not become a capsule is freed. */
%define %handle(T, NAME, FREE)
%{
static void T##_capsule_free(PyObject *capsule)
{
    FREE(PyCapsule_GetPointer(capsule, #T));
}
%}
%typemap(in) T *, const T *
{
    $1 = PyCapsule_GetPointer($input, #T);
    if (!$1)
        SWIG_fail;
}
%typemap(in, numinputs=0) T **OUT (T *made = NULL) "$1 = &made;"
%typemap(argout) T **OUT
{
    Py_DECREF($result);
    $result = PyCapsule_New(*$1, #T, T##_capsule_free);
    if (!$result)
        SWIG_fail;
    *$1 = NULL;
}
%typemap(freearg) T **OUT "FREE(*$1);"
%enddef

/* An exception that is set already, a signal handler's or a backoff's, goes before whatever the library said. */
%typemap(out) leaselock_status
{
    if (PyErr_Occurred())
        SWIG_fail;
    if ($1 != LEASELOCK_OK) {
        ll_raise($1);
        SWIG_fail;
    }
    Py_INCREF(Py_None);
    $result = Py_None;
}

%typemap(in) const char *
{
    $1 = (char *)ll_text($input, "$1_name", "str");
    if (!$1)
        SWIG_fail;
}
%typemap(in) const char *NULLABLE
{
    $1 = $input == Py_None ? NULL : (char *)ll_text($input, "$1_name", "str or None");
    if (!$1 && $input != Py_None)
        SWIG_fail;
}
%typemap(freearg) const char *, const char *NULLABLE ""
%typemap(out) const char * "$result = ll_decode($1);"

%typemap(in) int64_t
{
    if (!ll_integer($input, "$1_name", &$1))
        SWIG_fail;
}
%typemap(in) double
{
    if (!ll_real($input, "$1_name", "a number", &$1))
        SWIG_fail;
}
%typemap(in) bool
{
    int truth = PyObject_IsTrue($input);
    if (truth < 0)
        SWIG_fail;
    $1 = truth;
}

%typemap(in) ll_ttl
{
    $1 = 0;
    if ($input != Py_None && !ll_ttl_from($input, "$1_name", &$1))
        SWIG_fail;
}
%typemap(in) ll_wait
{
    $1 = 0;
    if ($input != Py_None && !ll_milliseconds($input, "$1_name", &$1))
        SWIG_fail;
    if ($input != Py_None && $1 == 0)
        $1 = 1;
}
%typemap(in) ll_timeout
{
    $1 = LEASELOCK_FOREVER;
    if ($input != Py_None && !ll_milliseconds($input, "$1_name", &$1))
        SWIG_fail;
}
%typemap(in) ll_delay
{
    if (!ll_delay_from($input, "$1_name", &$1))
        SWIG_fail;
}

%typemap(in, numinputs=0) bool *ANSWER (bool answer = false) "$1 = &answer;"
%typemap(in, numinputs=0) int64_t *NUMBER (int64_t number = 0) "$1 = &number;"
%typemap(in, numinputs=0) leaselock_state *STATE (leaselock_state state = 0) "$1 = &state;"
%typemap(argout) bool *ANSWER
{
    Py_DECREF($result);
    $result = PyBool_FromLong(*$1);
}
%typemap(argout) int64_t *NUMBER, leaselock_state *STATE
{
    Py_DECREF($result);
    $result = PyLong_FromLongLong(*$1);
}

void ll_set_exception_for(PyObject *function);
PyObject *ll_error_table(void);
PyObject *ll_backoff_new_custom(PyObject *object);
