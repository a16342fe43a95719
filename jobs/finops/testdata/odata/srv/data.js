// Rows to start with, and one user who cannot be enabled.
module.exports = srv => {
  const { SystemUsers, Companies, DocumentParameters, BatchGroups } = srv.entities
  const numbers = n => [...Array(n).keys()]
  srv.before('UPDATE', SystemUsers, req => {
    if (req.data.UserID === 'BAD') req.reject(400, 'Der Benutzer BAD ist gesperrt.')
  })
  require('@sap/cds').once('served', async () => {
    const named = ['Admin', "O'Neill", 'A b+c&d=ä/é%', 'BAD']
    const ids = [...named, ...numbers(400).map(i => `U${String(i).padStart(4, '0')}`)]
    await INSERT.into(SystemUsers).entries(ids.map(UserID => ({ UserID, UserName: UserID, Alias: UserID, Enabled: UserID === 'Admin' })))
    await INSERT.into(Companies).entries([{ DataArea: 'usmf' }, { DataArea: 'demf' }])
    await INSERT.into(DocumentParameters).entries([{ dataAreaId: 'usmf', Key: 0 }, { dataAreaId: 'demf', Key: -7 }])
    await INSERT.into(BatchGroups).entries([{ GroupId: 'MRP', ServerId: 'BATCH1', Description: 'Planning', ChangedAt: '2026-11-28T22:00:00Z' }])
  })
}
