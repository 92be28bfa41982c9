/* Python: what migrations, configuration and secrets need beside handles_python.i. */
%{
/* ---- secrets written in Python; what they raise stays set until the call is back in Python ---- */

static leaselock_status ll_take_secret(PyObject *answer, const char *name, char *value, size_t size)
{
    if (answer == Py_None)
        return LEASELOCK_SECRET;
    const char *text = ll_text(answer, name, "str or None");
    if (!text)
        return LEASELOCK_CALLBACK;
    if (strlen(text) >= size) {
        ll_refuse(name, "is too long for a secret");
        return LEASELOCK_CALLBACK;
    }
    memcpy(value, text, strlen(text) + 1);
    return LEASELOCK_OK;
}

static leaselock_status ll_slot_secret(void *payload, const char *name, char *value, size_t size)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *answer = PyObject_CallFunction(payload, "s", name);
    leaselock_status status = answer ? ll_take_secret(answer, name, value, size) : LEASELOCK_CALLBACK;
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return status;
}

static void leaselock_secrets_capsule_free(PyObject *capsule);

/* The handle of a function that gives str, or None for "no such secret". */
static PyObject *ll_secrets_new_custom(PyObject *function)
{
    leaselock_secrets_slots slots = {sizeof slots, function, ll_slot_secret, ll_slot_free};
    leaselock_secrets *secrets;
    leaselock_status status = leaselock_secrets_new_custom(&slots, &secrets);
    if (status != LEASELOCK_OK) {
        ll_raise(status);
        return NULL;
    }
    Py_INCREF(function);
    PyObject *capsule = PyCapsule_New(secrets, "leaselock_secrets", leaselock_secrets_capsule_free);
    if (!capsule)
        leaselock_secrets_free(secrets);
    return capsule;
}

/* ---- progress, a function of Python; what it raises stays set likewise ---- */

typedef PyObject *ll_progress;

static bool ll_progress_call(ll_progress progress, const leaselock_migration_result *so_far)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *borrowed = PyCapsule_New((void *)so_far, "leaselock_migration_result", NULL);
    PyObject *answer = borrowed ? PyObject_CallFunctionObjArgs(progress, borrowed, NULL) : NULL;
    bool done = answer != NULL;
    /* a traceback may keep it for longer than the result lives: without the name it is no result any more */
    if (borrowed)
        PyCapsule_SetName(borrowed, NULL);
    Py_XDECREF(borrowed);
    Py_XDECREF(answer);
    PyGILState_Release(gil);
    return done;
}

static PyObject *ll_version_or_none(int64_t version)
{
    if (version == LEASELOCK_NO_VERSION)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(version);
}
%}

%define %any_secrets
%typemap(in) leaselock_secrets *any_secrets
{
    $1 = NULL;
    if ($input != Py_None && !($1 = PyCapsule_GetPointer($input, "leaselock_secrets")))
        SWIG_fail;
}
%enddef

%typemap(in) ll_progress "$1 = $input == Py_None ? NULL : $input;"

%typemap(in) (const char *BYTES, size_t SIZE)
{
    char *bytes = NULL;
    Py_ssize_t length;
    if (PyBytes_Check($input))
        PyBytes_AsStringAndSize($input, &bytes, &length);
    else if (PyUnicode_Check($input))
        bytes = (char *)PyUnicode_AsUTF8AndSize($input, &length);
    else
        ll_refuse_type("the text", "str or bytes", $input);
    if (!bytes) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();
            ll_refuse("the text", "has a lone surrogate: it cannot be written as UTF-8");
        }
        SWIG_fail;
    }
    $1 = bytes;
    $2 = (size_t)length;
}
%typemap(freearg) (const char *BYTES, size_t SIZE) ""

%typemap(in, numinputs=0) char *SECRET (char secret[LEASELOCK_SECRET_MAX + 1]) "$1 = secret;"
%typemap(argout) char *SECRET
{
    Py_DECREF($result);
    $result = ll_decode($1);
}
%typemap(freearg) char *SECRET "explicit_bzero($1, LEASELOCK_SECRET_MAX + 1);"

%typemap(in, numinputs=0) int64_t *VERSION (int64_t version = LEASELOCK_NO_VERSION) "$1 = &version;"
%typemap(argout) int64_t *VERSION
{
    Py_DECREF($result);
    $result = ll_version_or_none(*$1);
}
%typemap(out) int64_t leaselock_migration_result_from, int64_t leaselock_migration_result_to,
              int64_t leaselock_migration_listing_current "$result = ll_version_or_none($1);"

PyObject *ll_secrets_new_custom(PyObject *function);
